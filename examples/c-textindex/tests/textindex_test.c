#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "rank.h"
#include "text.h"
#include "words.h"

static int failures;

#define CHECK(x)                                        \
    do {                                                \
        if (!(x)) {                                     \
            printf("line %d: %s\n", __LINE__, #x);      \
            failures++;                                 \
        }                                               \
    } while (0)

static void test_text(void) {
    char out[64];
    char upper[] = "Dear SIR, 12 Cats";
    const char *at = "\n\nOne  two\nthree\t.\n\nFour\n";
    CHECK(text_paragraph(&at, out, sizeof out) && strcmp(out, "One two three .") == 0);
    CHECK(text_paragraph(&at, out, sizeof out) && strcmp(out, "Four ") == 0);
    CHECK(!text_paragraph(&at, out, sizeof out));
    at = "abcdef";
    CHECK(text_paragraph(&at, out, 4) && strcmp(out, "abc") == 0);
    text_lower(upper);
    CHECK(strcmp(upper, "dear sir, 12 cats") == 0);
    CHECK(text_count("a.b..", '.') == 3 && text_count("", '.') == 0);
}

static void test_read(void) {
    FILE *file = tmpfile();
    char *text;
    if (file == NULL)
        return;
    for (int i = 0; i < 9000; i++)
        putc('a' + i % 26, file);
    rewind(file);
    text = text_read(file);
    CHECK(text != NULL && strlen(text) == 9000 && text[8999] == 'a' + 8999 % 26);
    free(text);
    fclose(file);
}

static int stems_to(const char *word, const char *stem) {
    char copy[WORD_MAX];
    strcpy(copy, word);
    word_stem(copy);
    return strcmp(copy, stem) == 0;
}

static void test_words(void) {
    char word[WORD_MAX];
    const char *at = " it's 4 o-k; abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    CHECK(word_next(&at, word) && strcmp(word, "it") == 0);
    CHECK(word_next(&at, word) && strcmp(word, "s") == 0);
    CHECK(word_next(&at, word) && strcmp(word, "o") == 0);
    CHECK(word_next(&at, word) && strcmp(word, "k") == 0);
    CHECK(word_next(&at, word) && strlen(word) == WORD_MAX - 1);
    CHECK(!word_next(&at, word));
    CHECK(word_is_common("a") && word_is_common("the") && word_is_common("your") && word_is_common("no"));
    CHECK(!word_is_common("letter") && !word_is_common("") && !word_is_common("zebra") && !word_is_common("abou"));
    CHECK(stems_to("letters", "letter") && stems_to("walking", "walk") && stems_to("red", "red"));
    CHECK(stems_to("nations", "nation") && stems_to("foundations", "found") && stems_to("as", "as"));
    CHECK(word_hash("") == 2166136261u && word_hash("a") == 3826002220u);
}

static void test_rank(void) {
    struct index *index = index_new();
    struct hit hits[3];
    CHECK(index_add(index, "The ship sails. A ship!") == 0);
    CHECK(index_add(index, "Ships and harbours, walls and walking?") == 1);
    CHECK(index_add(index, "Nothing to see") == 2);
    rank_prepare(index);
    CHECK(index->document_count == 3 && index->term_count == 7);
    CHECK(index->documents[0].words == 3 && index->documents[0].lines == 2);
    CHECK(index_find(index, "ship")->documents == 2 && index_find(index, "ship")->postings->count == 2);
    CHECK(index_find(index, "the") == NULL);
    CHECK(rank_query(index, "The SHIPS", hits, 3) == 2 && hits[0].document == 0 && hits[1].document == 1);
    CHECK(hits[0].score > hits[1].score && fabs(hits[0].score - 0.512956) < 1e-6);
    CHECK(rank_query(index, "ship harbour", hits, 1) == 1);
    CHECK(rank_query(index, "unknown and the", hits, 3) == 0);
    index_free(index);
}

int main(void) {
    test_text();
    test_read();
    test_words();
    test_rank();
    printf(failures == 0 ? "ok\n" : "%d failures\n", failures);
    return failures != 0;
}
