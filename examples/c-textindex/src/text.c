#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

char *text_read(FILE *in) {
    size_t capacity = 64;
    size_t size = 0;
    char *text = malloc(capacity);
    int c;
    if (text == NULL)
        return NULL;
    while ((c = getc(in)) != EOF) {
        if (size + 1 >= capacity) {
            char *more;
            capacity += 4096;
            more = realloc(text, capacity);
            if (more == NULL) {
                free(text);
                return NULL;
            }
            text = more;
        }
        text[size++] = (char)c;
    }
    text[size] = '\0';
    return text;
}

int text_paragraph(const char **at, char *out, size_t capacity) {
    const char *p = *at;
    out[0] = '\0';
    while (*p == '\n')
        p++;
    if (*p == '\0')
        return 0;
    while (*p != '\0' && !(p[0] == '\n' && p[1] == '\n')) {
        char c = *p == '\n' || *p == '\t' ? ' ' : *p;
        size_t length = strlen(out);
        if (length + 1 < capacity && !(c == ' ' && (length == 0 || out[length - 1] == ' '))) {
            out[length] = c;
            out[length + 1] = '\0';
        }
        p++;
    }
    *at = p;
    return 1;
}

void text_lower(char *text) {
    for (size_t i = 0; i < strlen(text); i++)
        text[i] = (char)tolower((unsigned char)text[i]);
}

int text_count(const char *text, char c) {
    int count = 0;
    for (size_t i = 0; i < strlen(text); i++) {
        if (text[i] == c)
            count++;
    }
    return count;
}
