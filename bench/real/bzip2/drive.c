/* bzip2: prose|table SIZE LOOPS [LEVEL]; compresses and restores, and prints sizes and a digest of the compressed bytes. */
#include "bzlib.h"

#include "generate.h"

static void put_table(struct text *out, unsigned rows) {
    unsigned i, j;
    for (i = 0; i < rows; i++) {
        put(out, "%u", 100000 + i);
        for (j = 0; j < 8; j++)
            put(out, "\t%d.%02u", (int)draw(2000) - 1000, draw(100));
        put(out, "\t%s\n", draw(3) ? "ok" : "failed");
    }
}

int main(int argc, char **argv) {
    struct text source = {0};
    unsigned size, loops, i;
    if (argc < 4)
        return 2;
    size = (unsigned)atoi(argv[2]);
    loops = (unsigned)atoi(argv[3]);
    if (argv[1][0] == 'p') {
        for (i = 0; i < size; i++)
            put_sentence(&source, 6 + draw(20));
    } else {
        put_table(&source, size);
    }
    for (i = 0; i < loops; i++) {
        unsigned packed_size = (unsigned)(source.size + source.size / 50 + 1000), restored_size = (unsigned)source.size + 1;
        char *packed = (char *)malloc(packed_size), *restored = (char *)malloc(restored_size);
        const int level = argc > 4 ? atoi(argv[4]) : 9 - (int)(i % 3);
        if (BZ2_bzBuffToBuffCompress(packed, &packed_size, source.data, (unsigned)source.size, level, 0, 0) != BZ_OK)
            return 1;
        if (BZ2_bzBuffToBuffDecompress(restored, &restored_size, packed, packed_size, (int)(i % 2), 0) != BZ_OK)
            return 1;
        printf("%zu bytes to %u, %016llx, %s\n", source.size, packed_size,
               (unsigned long long)digest_of(DIGEST_START, packed, packed_size),
               restored_size == source.size && memcmp(restored, source.data, source.size) == 0 ? "restored" : "damaged");
        free(packed);
        free(restored);
    }
    free(source.data);
    return 0;
}
