/* Made-up input, the same on every machine, and a digest of what a program answers. C and C++. */
#ifndef GENERATE_H
#define GENERATE_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __cplusplus
#include <cstdio>
#include <cstdlib>
#endif

static uint64_t draw_state = 1;

/* A number below `below` (which is not 0). */
static inline unsigned draw(unsigned below) {
  draw_state = draw_state * 6364136223846793005ull + 1442695040888963407ull;
  return (unsigned)((draw_state >> 33) % below);
}

struct text {
  char* data;
  size_t size, capacity;
};

static inline void put(struct text* text, const char* format, ...) {
  va_list arguments;
  if (text->capacity < text->size + 2048) {
    text->capacity = text->capacity * 2 + 4096;
    text->data = (char*)realloc(text->data, text->capacity);
    if (text->data == NULL) abort();
  }
  va_start(arguments, format);
  text->size += (size_t)vsnprintf(text->data + text->size, text->capacity - text->size, format, arguments);
  va_end(arguments);
}

/* A pronounceable word; eight can be held at a time. */
static inline const char* word(void) {
  static const char* const heads[] = {"b", "br", "c", "d", "dr", "f",  "g", "gr", "h", "l",
                                      "m", "n",  "p", "r", "s",  "st", "t", "tr", "v", "w"};
  static const char* const tails[] = {"a",  "an", "ar", "e",  "el", "en", "er", "i",
                                      "in", "is", "o",  "on", "or", "u",  "um", "us"};
  static char held[8][32];
  static unsigned next;
  char* out = held[next++ % 8];
  unsigned parts = 1 + draw(3);
  out[0] = '\0';
  while (parts-- > 0) {
    strcat(out, heads[draw(20)]);
    strcat(out, tails[draw(16)]);
  }
  return out;
}

static inline void put_sentence(struct text* text, unsigned words) {
  unsigned i;
  for (i = 0; i < words; i++) put(text, "%s%s", word(), i + 1 == words ? ". " : draw(12) == 0 ? ", " : " ");
}

static inline uint64_t digest_of(uint64_t digest, const void* data, size_t size) {
  const unsigned char* p = (const unsigned char*)data;
  size_t i;
  for (i = 0; i < size; i++) digest = (digest ^ p[i]) * 1099511628211ull;
  return digest;
}

static inline uint64_t digest_text(uint64_t digest, const char* s) {
  return digest_of(digest, s, strlen(s) + 1);
}

enum { DIGEST_START = 1469598103 };

#endif
