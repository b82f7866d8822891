/* Indexes the paragraphs of a file, asks queries made of its own words, prints the answers and a digest. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "rank.h"
#include "text.h"

enum { PARAGRAPH_MAX = 8192, HITS = 10, QUERY_MAX = 256 };

int main(int argc, char **argv) {
    static char paragraph[PARAGRAPH_MAX];
    uint64_t digest = 14695981039346656037ull;
    FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (in == NULL) {
        fprintf(stderr, "usage: bench FILE\n");
        return 2;
    }
    char *text = text_read(in);
    fclose(in);
    struct index *index = index_new();
    if (text == NULL || index == NULL)
        return 1;
    const char *at = text;
    while (text_paragraph(&at, paragraph, sizeof paragraph))
        index_add(index, paragraph);
    rank_prepare(index);
    printf("%d paragraphs, %d terms\n", index->document_count, index->term_count);
    at = text;
    for (int i = 0; text_paragraph(&at, paragraph, sizeof paragraph); i++) {
        struct hit hits[HITS];
        char query[QUERY_MAX];
        if (i % 20 != 0)
            continue;
        snprintf(query, sizeof query, "%.60s", paragraph);
        const int found = rank_query(index, query, hits, HITS);
        for (int j = 0; j < found; j++) {
            digest = (digest ^ (uint64_t)hits[j].document) * 1099511628211ull;
            digest = (digest ^ (uint64_t)(hits[j].score * 1e6)) * 1099511628211ull;
        }
        if (i % 100 == 0 && found > 0)
            printf("%4d: %d hits, best %d with %.6f\n", i, found, hits[0].document, hits[0].score);
    }
    printf("digest %016llx\n", (unsigned long long)digest);
    index_free(index);
    free(text);
    return 0;
}
