/* expat: catalogue|book SIZE LOOPS; parses in pieces with every handler set, and prints a digest of the events. */
#include "expat.h"

#include "generate_xml.h"

struct seen {
    uint64_t digest;
    unsigned elements, depth, deepest, bytes;
};

static void XMLCALL on_start(void *data, const XML_Char *name, const XML_Char **attributes) {
    struct seen *seen = (struct seen *)data;
    seen->elements++;
    if (++seen->depth > seen->deepest)
        seen->deepest = seen->depth;
    seen->digest = digest_text(seen->digest, name);
    for (; *attributes != NULL; attributes++)
        seen->digest = digest_text(seen->digest, *attributes);
}

static void XMLCALL on_end(void *data, const XML_Char *name) {
    struct seen *seen = (struct seen *)data;
    seen->depth--;
    seen->digest = digest_of(seen->digest, name, 1);
}

static void XMLCALL on_text(void *data, const XML_Char *text, int length) {
    struct seen *seen = (struct seen *)data;
    seen->bytes += (unsigned)length;
    seen->digest = digest_of(seen->digest, text, (size_t)length);
}

static void XMLCALL on_comment(void *data, const XML_Char *text) { on_text(data, text, (int)strlen(text)); }

int main(int argc, char **argv) {
    struct text source = {0};
    unsigned size, loops, i;
    if (argc != 4)
        return 2;
    size = (unsigned)atoi(argv[2]);
    loops = (unsigned)atoi(argv[3]);
    if (argv[1][0] == 'c')
        put_catalogue(&source, size);
    else
        put_book(&source, size);
    for (i = 0; i < loops; i++) {
        const size_t piece = i % 2 ? 1000 : 65536;
        size_t at;
        struct seen seen = {DIGEST_START, 0, 0, 0, 0};
        XML_Parser parser = i % 4 < 2 ? XML_ParserCreate(NULL) : XML_ParserCreateNS(NULL, '|');
        XML_SetHashSalt(parser, 12345);
        XML_SetUserData(parser, &seen);
        XML_SetElementHandler(parser, on_start, on_end);
        XML_SetCharacterDataHandler(parser, on_text);
        XML_SetCommentHandler(parser, on_comment);
        for (at = 0; at < source.size; at += piece) {
            const size_t length = source.size - at < piece ? source.size - at : piece;
            if (XML_Parse(parser, source.data + at, (int)length, at + length == source.size) != XML_STATUS_OK) {
                printf("error %s at line %lu\n", XML_ErrorString(XML_GetErrorCode(parser)),
                       (unsigned long)XML_GetCurrentLineNumber(parser));
                return 1;
            }
        }
        printf("%u elements, depth %u, %u bytes of text, line %lu, %016llx\n", seen.elements, seen.deepest, seen.bytes,
               (unsigned long)XML_GetCurrentLineNumber(parser), (unsigned long long)seen.digest);
        XML_ParserFree(parser);
    }
    free(source.data);
    return 0;
}
