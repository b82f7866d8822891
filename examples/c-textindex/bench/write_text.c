/* Writes paragraphs of made-up English: write_text PARAGRAPHS SEED WORDS */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state;

static unsigned draw(unsigned below) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 33) % below);
}

static const char *plain[] = {"the", "of", "and", "to", "in", "that", "was", "with", "for", "he", "it", "we", "your", "by"};
static const char *heads[] = {"car", "let", "mar", "win", "ser", "bro", "ton", "pel", "gar", "dro", "fen", "hol", "quin", "str"};
static const char *middles[] = {"", "", "ter", "ven", "lo", "ri", "mand", "su", "qua", "per", "lig"};
static const char *tails[] = {"", "", "s", "ing", "ed", "ment", "ly", "ation", "er", "ness"};

int main(int argc, char **argv) {
    if (argc != 4)
        return 2;
    const int paragraphs = atoi(argv[1]), words = atoi(argv[3]);
    state = (uint64_t)atoi(argv[2]);
    for (int i = 0; i < paragraphs; i++) {
        const int count = words / 2 + (int)draw((unsigned)words);
        for (int j = 0; j < count; j++) {
            if (draw(3) == 0)
                fputs(plain[draw(14)], stdout);
            else
                printf("%s%s%s%s", heads[draw(14)], middles[draw(11)], middles[draw(4)], tails[draw(10)]);
            fputs(draw(11) == 0 ? (draw(4) ? ".\n" : "?\n") : " ", stdout);
        }
        fputs("\n\n", stdout);
    }
    return 0;
}
