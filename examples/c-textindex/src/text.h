#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Reads a whole stream; the caller frees it. NULL when memory runs out. */
char *text_read(FILE *in);

/* Copies the next paragraph (up to a blank line) from *at into out, one blank between words, and moves *at on.
   Returns 0 at the end of the text. */
int text_paragraph(const char **at, char *out, size_t capacity);

void text_lower(char *text);
int text_count(const char *text, char c);

#endif
