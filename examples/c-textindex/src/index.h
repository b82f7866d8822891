#ifndef INDEX_H
#define INDEX_H

#include "words.h"

enum { BUCKETS = 509 };

struct posting {
    int document;
    int count;
    struct posting *next;
};

struct term {
    char word[WORD_MAX];
    int documents;
    struct posting *postings; /* latest document last */
    struct posting *last;
    struct term *next;
};

struct document {
    int words;
    int lines;
    double weight;
};

struct index {
    struct term *buckets[BUCKETS];
    struct document *documents;
    int document_count;
    int document_capacity;
    int term_count;
};

struct index *index_new(void);
void index_free(struct index *index);

/* Adds a paragraph; returns its number, or -1 when memory runs out. */
int index_add(struct index *index, const char *text);

/* The term of a stemmed word, or NULL. */
struct term *index_find(struct index *index, const char *word);

#endif
