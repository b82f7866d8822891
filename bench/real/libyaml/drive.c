/* libyaml: settings|letters SIZE LOOPS; parses, loads, emits again, and prints a digest of events and output. */
#include <yaml.h>

#include "generate.h"

static void put_settings(struct text *out, unsigned services) {
    unsigned i, j, n;
    put(out, "# settings\nversion: 3\ndefaults: &defaults\n  retries: 3\n  colour: {red: 10, green: 0x20, blue: 3.5}\nservices:\n");
    for (i = 0; i < services; i++) {
        put(out, "  - name: %s-%u\n    <<: *defaults\n    image: \"%s/%s:%u.%u\"\n    ports: [%u, %u]\n    labels:\n", word(), i,
            word(), word(), draw(9), draw(30), draw(9000), draw(9000));
        for (j = 0, n = 1 + draw(5); j < n; j++)
            put(out, "      %s_%u: '%s it''s %s'  # %s\n", word(), j, word(), word(), word());
        put(out, "    enabled: %s\n    weight: %u.%u\n", draw(2) ? "yes" : "no", draw(100), draw(100));
    }
}

static void put_letters(struct text *out, unsigned count) {
    unsigned i, j;
    for (i = 0; i < count; i++) {
        put(out, "--- !letter\nto: %s %s\nsubject: >-\n  %s\n  %s\nbody: |\n", word(), word(), word(), word());
        for (j = 0; j < 6; j++) {
            put(out, "  ");
            put_sentence(out, 8 + draw(8));
            put(out, "\n");
        }
        put(out, "tags: [%s, %s, \"caf\\u00e9 \\t%s\"]\n? [%s, %u]\n: %s\n...\n", word(), word(), word(), word(), draw(9), word());
    }
}



struct written {
    uint64_t digest;
    size_t bytes;
};

static int write_output(void *data, unsigned char *buffer, size_t size) {
    struct written *written = (struct written *)data;
    written->digest = digest_of(written->digest, buffer, size);
    written->bytes += size;
    return 1;
}

int main(int argc, char **argv) {
    struct text source = {0};
    unsigned size, loops, i;
    if (argc != 4)
        return 2;
    size = (unsigned)atoi(argv[2]);
    loops = (unsigned)atoi(argv[3]);
    if (argv[1][0] == 's')
        put_settings(&source, size);
    else
        put_letters(&source, size);
    for (i = 0; i < loops; i++) {
        yaml_parser_t parser;
        yaml_emitter_t emitter;
        yaml_event_t event;
        struct written written = {DIGEST_START, 0};
        unsigned events = 0, nodes = 0;
        uint64_t digest = DIGEST_START;
        int done = 0;
        if (!yaml_parser_initialize(&parser) || !yaml_emitter_initialize(&emitter))
            return 1;
        yaml_parser_set_input_string(&parser, (const unsigned char *)source.data, source.size);
        yaml_emitter_set_output(&emitter, write_output, &written);
        yaml_emitter_set_width(&emitter, i % 2 ? 60 : 120);
        while (!done) {
            if (!yaml_parser_parse(&parser, &event)) {
                printf("error %s at line %zu\n", parser.problem, parser.problem_mark.line + 1);
                return 1;
            }
            events++;
            if (event.type == YAML_SCALAR_EVENT)
                digest = digest_of(digest, event.data.scalar.value, event.data.scalar.length);
            done = event.type == YAML_STREAM_END_EVENT;
            if (!yaml_emitter_emit(&emitter, &event)) {
                printf("error %s\n", emitter.problem);
                return 1;
            }
        }
        yaml_emitter_delete(&emitter);
        yaml_parser_delete(&parser);
        if (!yaml_parser_initialize(&parser))
            return 1;
        yaml_parser_set_input_string(&parser, (const unsigned char *)source.data, source.size);
        for (;;) {
            yaml_document_t document;
            if (!yaml_parser_load(&parser, &document))
                return 1;
            if (yaml_document_get_root_node(&document) == NULL) {
                yaml_document_delete(&document);
                break;
            }
            nodes += (unsigned)(document.nodes.top - document.nodes.start);
            yaml_document_delete(&document);
        }
        yaml_parser_delete(&parser);
        printf("%u events, %u nodes, %016llx, written %zu bytes %016llx\n", events, nodes, (unsigned long long)digest,
               written.bytes, (unsigned long long)written.digest);
    }
    free(source.data);
    return 0;
}
