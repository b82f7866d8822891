// The pattern kernel: one thread walks one stretch of text through an automaton. The same text is compiled as host C++,
// CUDA and Metal, so: no headers, no library, qualifiers by macros that whoever includes it may set before.
//   PK_FN              static inline | __device__ inline | inline
//   PK_GLOBAL          (empty)       | (empty)           | device
//   PK_ADD(where)      adds 1 to *where, atomically where threads share it, and gives the value before
// Tables (code/text_automaton.h makes them, one set for each group of patterns):
//   class_of[256], context_of[256]   byte -> class of bytes; byte -> 0 word, 1 newline, 2 other
//   next[states * classes]           state, class -> state; state 0 is the start of a line
//   accept_at[(states - first_accepting) * 3]   accepting state, context of the byte that follows -> offset in
//   `accepts` accepts[]                        a count, then as many numbers of patterns
// items[4 * n]: scan_from (a line's start), report_from, end, file_end. Matches that end in (report_from, end] are
// written to `found` as pairs (pattern, end), as long as there is room for them; `count` counts them all.
#ifndef JARVIS2_GPU_KERNELS_PATTERN_KERNEL_H
#define JARVIS2_GPU_KERNELS_PATTERN_KERNEL_H

#ifndef PK_FN
#define PK_FN static inline
#endif
#ifndef PK_GLOBAL
#define PK_GLOBAL
#endif
#ifndef PK_ADD
#define PK_ADD(where) ((*(where))++)
#endif

PK_FN void pattern_scan_item(PK_GLOBAL const unsigned char* text, PK_GLOBAL const unsigned int* items,
                             unsigned int item, PK_GLOBAL const unsigned char* class_of,
                             PK_GLOBAL const unsigned char* context_of, PK_GLOBAL const unsigned short* next,
                             unsigned int classes, unsigned int first_accepting,
                             PK_GLOBAL const unsigned int* accept_at, PK_GLOBAL const unsigned int* accepts,
                             PK_GLOBAL unsigned int* found, PK_GLOBAL unsigned int* count, unsigned int capacity) {
  unsigned int at = items[4 * item];
  const unsigned int report_from = items[4 * item + 1];
  const unsigned int end = items[4 * item + 2];
  const unsigned int file_end = items[4 * item + 3];
  unsigned int state = 0;
  for (;;) {
    if (state >= first_accepting && at > report_from) {
      const unsigned int context = at < file_end ? context_of[text[at]] : 1u;
      const unsigned int list = accept_at[(state - first_accepting) * 3u + context];
      const unsigned int many = accepts[list];
      for (unsigned int i = 1; i <= many; ++i) {
        const unsigned int slot = PK_ADD(count);
        if (slot < capacity) {
          found[2 * slot] = accepts[list + i];
          found[2 * slot + 1] = at;
        }
      }
    }
    if (at >= end) break;
    state = next[state * classes + class_of[text[at]]];
    ++at;
  }
}

#endif
