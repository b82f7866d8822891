/* zopfli: prose|table SIZE ROUNDS; compresses in three formats, and prints sizes and digests of the compressed bytes. */
#include "zopfli.h"

#include "generate.h"

int main(int argc, char **argv) {
    static const char *const names[] = {"gzip", "zlib", "deflate"};
    struct text source = {0};
    ZopfliOptions options;
    unsigned i, size;
    if (argc != 4)
        return 2;
    size = (unsigned)atoi(argv[2]);
    for (i = 0; i < size; i++) {
        if (argv[1][0] == 'p')
            put_sentence(&source, 6 + draw(20));
        else
            put(&source, "%u;%s;%d.%02u;%s\n", 5000 + i, word(), (int)draw(500) - 250, draw(100), draw(3) ? "true" : "false");
    }
    ZopfliInitOptions(&options);
    options.numiterations = atoi(argv[3]);
    for (i = 0; i < 3; i++) {
        unsigned char *out = NULL;
        size_t out_size = 0;
        ZopfliCompress(&options, (ZopfliFormat)i, (const unsigned char *)source.data, source.size / (i + 1), &out, &out_size);
        printf("%s: %zu bytes to %zu, %016llx\n", names[i], source.size / (i + 1), out_size,
               (unsigned long long)digest_of(DIGEST_START, out, out_size));
        free(out);
    }
    free(source.data);
    return 0;
}
