#include "index.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

struct index *index_new(void) { return calloc(1, sizeof(struct index)); }

void index_free(struct index *index) {
    for (int i = 0; i < BUCKETS; i++) {
        struct term *term = index->buckets[i];
        while (term != NULL) {
            struct term *next = term->next;
            struct posting *posting = term->postings;
            while (posting != NULL) {
                struct posting *after = posting->next;
                free(posting);
                posting = after;
            }
            free(term);
            term = next;
        }
    }
    free(index->documents);
    free(index);
}

struct term *index_find(struct index *index, const char *word) {
    struct term *term = index->buckets[word_hash(word) % BUCKETS];
    while (term != NULL) {
        if (strcmp(term->word, word) == 0)
            return term;
        term = term->next;
    }
    return NULL;
}

static struct term *term_add(struct index *index, const char *word) {
    struct term *term = calloc(1, sizeof *term);
    if (term == NULL)
        return NULL;
    strcpy(term->word, word);
    term->next = index->buckets[word_hash(word) % BUCKETS];
    index->buckets[word_hash(word) % BUCKETS] = term;
    index->term_count++;
    return term;
}

static int term_count(struct term *term, int document) {
    struct posting *posting;
    if (term->last != NULL && term->last->document == document) {
        term->last->count++;
        return 0;
    }
    posting = calloc(1, sizeof *posting);
    if (posting == NULL)
        return -1;
    posting->document = document;
    posting->count = 1;
    if (term->last == NULL)
        term->postings = posting;
    else
        term->last->next = posting;
    term->last = posting;
    term->documents++;
    return 0;
}

int index_add(struct index *index, const char *text) {
    char word[WORD_MAX];
    char *copy = malloc(strlen(text) + 1);
    const char *at = copy;
    int number = index->document_count;
    if (copy == NULL)
        return -1;
    strcpy(copy, text);
    text_lower(copy);
    if (index->document_count == index->document_capacity) {
        index->document_capacity += 8;
        index->documents = realloc(index->documents, index->document_capacity * sizeof(struct document));
        if (index->documents == NULL) {
            free(copy);
            return -1;
        }
    }
    memset(&index->documents[number], 0, sizeof(struct document));
    index->documents[number].lines = text_count(copy, '.') + text_count(copy, '?') + text_count(copy, '!');
    while (word_next(&at, word)) {
        if (word_is_common(word))
            continue;
        word_stem(word);
        if (index_find(index, word) == NULL) {
            if (term_add(index, word) == NULL) {
                free(copy);
                return -1;
            }
        }
        if (term_count(index_find(index, word), number) != 0) {
            free(copy);
            return -1;
        }
        index->documents[number].words++;
    }
    index->document_count++;
    free(copy);
    return number;
}
