#include "rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static double mean_words(struct index *index) {
    double total = 0;
    for (int i = 0; i < index->document_count; i++)
        total += index->documents[i].words;
    return index->document_count > 0 ? total / index->document_count : 0;
}

static double rarity(struct index *index, struct term *term) {
    return log(1.0 + (double)index->document_count / term->documents);
}

void rank_prepare(struct index *index) {
    for (int i = 0; i < BUCKETS; i++) {
        for (struct term *term = index->buckets[i]; term != NULL; term = term->next) {
            for (struct posting *p = term->postings; p != NULL; p = p->next)
                index->documents[p->document].weight += pow(p->count * rarity(index, term), 2);
        }
    }
    for (int i = 0; i < index->document_count; i++)
        index->documents[i].weight = sqrt(index->documents[i].weight);
}

static int better(const void *left, const void *right) {
    const struct hit *a = left;
    const struct hit *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->document < b->document ? -1 : a->document > b->document;
}

int rank_query(struct index *index, const char *query, struct hit *hits, int limit) {
    struct hit *all;
    char word[WORD_MAX];
    char *copy = malloc(strlen(query) + 1);
    const char *at = copy;
    int found = 0;
    if (copy == NULL)
        return 0;
    all = calloc(index->document_count + 1, sizeof *all);
    if (all == NULL) {
        free(copy);
        return 0;
    }
    strcpy(copy, query);
    text_lower(copy);
    for (int i = 0; i < index->document_count; i++)
        all[i].document = i;
    while (word_next(&at, word)) {
        struct term *term;
        if (word_is_common(word))
            continue;
        word_stem(word);
        term = index_find(index, word);
        if (term == NULL)
            continue;
        for (struct posting *p = term->postings; p != NULL; p = p->next) {
            struct document *document = &index->documents[p->document];
            double length = 0.25 + 0.75 * document->words / mean_words(index);
            all[p->document].score += p->count * pow(rarity(index, term), 2) / (p->count + 1.2 * length);
        }
    }
    for (int i = 0; i < index->document_count; i++) {
        if (all[i].score > 0)
            all[i].score = all[i].score / (1.0 + 0.01 * index->documents[i].weight);
    }
    qsort(all, index->document_count, sizeof *all, better);
    for (int i = 0; i < index->document_count && found < limit; i++) {
        if (all[i].score > 0)
            hits[found++] = all[i];
    }
    free(copy);
    free(all);
    return found;
}
