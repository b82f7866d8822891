#ifndef RANK_H
#define RANK_H

#include "index.h"

struct hit {
    int document;
    double score;
};

/* Computes the length of every document's vector; call after the last index_add. */
void rank_prepare(struct index *index);

/* The best documents for a query, best first; returns how many were stored. */
int rank_query(struct index *index, const char *query, struct hit *hits, int limit);

#endif
