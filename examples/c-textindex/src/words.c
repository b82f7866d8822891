#include "words.h"

#include <ctype.h>
#include <string.h>

static const char *common[] = {
    "a",    "about", "after", "all",  "also", "an",   "and",  "any",   "are",   "as",    "at",   "be",    "been",
    "but",  "by",    "can",   "did",  "do",   "for",  "from", "had",   "has",   "have",  "he",   "her",   "him",
    "his",  "if",    "in",    "into", "is",   "it",   "its",  "just",  "like",  "may",   "more", "most",  "no",
    "not",  "now",   "of",    "on",   "one",  "only", "or",   "other", "our",   "out",   "over", "she",   "so",
    "some", "such",  "than",  "that", "the",  "them", "then", "there", "these", "they",  "this", "to",    "two",
    "up",   "was",   "we",    "were", "what", "when", "who",  "will",  "with",  "would", "you",  "your",
};

static const int common_count = sizeof common / sizeof common[0];

static const char *endings[] = {"ations", "ation", "ments", "ment", "ingly", "ings", "ing", "edly",
                                "ed",     "ies",   "ness",  "es",   "ly",    "s",    "er",  NULL};

int word_next(const char **at, char out[WORD_MAX]) {
    const char *p = *at;
    int length = 0;
    while (*p != '\0' && !isalpha((unsigned char)*p))
        p++;
    while (isalpha((unsigned char)*p)) {
        if (length < WORD_MAX - 1)
            out[length++] = *p;
        p++;
    }
    out[length] = '\0';
    *at = p;
    return length > 0;
}

int word_is_common(const char *word) {
    for (int i = 0; i < common_count; i++) {
        if (strcmp(common[i], word) == 0)
            return 1;
    }
    return 0;
}

static int ends_with(const char *word, const char *ending) {
    if (strlen(word) < strlen(ending) + 3)
        return 0;
    return strcmp(word + strlen(word) - strlen(ending), ending) == 0;
}

void word_stem(char *word) {
    for (int i = 0; endings[i] != NULL; i++) {
        if (ends_with(word, endings[i])) {
            word[strlen(word) - strlen(endings[i])] = '\0';
            return;
        }
    }
}

unsigned word_hash(const char *word) {
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < strlen(word); i++)
        hash = (hash ^ (unsigned char)word[i]) * 16777619u;
    return hash;
}
