#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

enum { WORD_MAX = 32 };

/* Copies the next word (letters only) from *at into out and moves *at on. Returns 0 when none is left. */
int word_next(const char **at, char out[WORD_MAX]);

/* Words that say nothing about a text: "the", "of" ... */
int word_is_common(const char *word);

/* Takes the usual English endings off, in place: "letters" and "lettering" become "letter". */
void word_stem(char *word);

unsigned word_hash(const char *word);

#endif
