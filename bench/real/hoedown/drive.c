/* hoedown: manual|forum SIZE LOOPS; renders Markdown as HTML with several sets of extensions, and prints digests. */
#include "document.h"
#include "html.h"

#include "generate.h"

static void put_manual(struct text *out, unsigned sections) {
    unsigned i, j, n;
    for (i = 0; i < sections; i++) {
        put(out, "%s %s %s\n\n", i % 4 ? "##" : "#", word(), word());
        for (j = 0, n = 1 + draw(4); j < n; j++) {
            put_sentence(out, 8 + draw(20));
            put(out, "Use `%s` or **%s** and *%s*, see [%s](/%s/%u \"%s\"). ", word(), word(), word(), word(), word(), draw(99), word());
            put_sentence(out, 8 + draw(20));
            put(out, "\n\n");
        }
        if (draw(2)) {
            put(out, "| %s | %s |\n|---|--:|\n", word(), word());
            for (j = 0, n = 2 + draw(6); j < n; j++)
                put(out, "| %s *%s* | %u |\n", word(), word(), draw(1000));
            put(out, "\n");
        }
        put(out, "```c\nint %s(int x) { return x < %u && x > 2; }\n```\n\n", word(), draw(100));
        for (j = 0, n = 2 + draw(5); j < n; j++)
            put(out, "%s%s %s\n", draw(3) ? "* " : "    * ", word(), word());
        put(out, "\n[%s]: /ref/%u\n\n", word(), draw(50));
    }
}

static void put_forum(struct text *out, unsigned posts) {
    unsigned i, j, n;
    for (i = 0; i < posts; i++) {
        put(out, "> %s wrote:\n> > ", word());
        put_sentence(out, 5 + draw(10));
        put(out, "\n> ");
        put_sentence(out, 5 + draw(20));
        put(out, "\n\n");
        for (j = 0, n = 1 + draw(3); j < n; j++) {
            put_sentence(out, 10 + draw(40));
            put(out, "\"%s\" -- www.%s.org/%s, %s@%s.net (c) 1/2 ~~%s~~ a_%s_b x^2 &amp; <b>%s</b>...\n\n", word(), word(), word(), word(),
                word(), word(), word(), word());
        }
        put(out, "%u. %s\n%u. %s\n   %s\n\n%s[^%u] \\*%s\\*\n\n[^%u]: %s\n\n* * *\n\n", 1u, word(), 2u, word(), word(), word(), i, word(),
            i, word());
    }
}

int main(int argc, char **argv) {
    static const unsigned extensions[] = {
        0, HOEDOWN_EXT_TABLES | HOEDOWN_EXT_FENCED_CODE,
        HOEDOWN_EXT_TABLES | HOEDOWN_EXT_FENCED_CODE | HOEDOWN_EXT_FOOTNOTES | HOEDOWN_EXT_AUTOLINK | HOEDOWN_EXT_STRIKETHROUGH |
            HOEDOWN_EXT_SUPERSCRIPT | HOEDOWN_EXT_QUOTE};
    struct text source = {0};
    unsigned size, loops, i;
    if (argc != 4)
        return 2;
    size = (unsigned)atoi(argv[2]);
    loops = (unsigned)atoi(argv[3]);
    if (argv[1][0] == 'm')
        put_manual(&source, size);
    else
        put_forum(&source, size);
    for (i = 0; i < loops; i++) {
        hoedown_renderer *renderer = hoedown_html_renderer_new(i % 2 ? HOEDOWN_HTML_USE_XHTML : 0, 0);
        hoedown_document *document = hoedown_document_new(renderer, (hoedown_extensions)extensions[i % 3], 16);
        hoedown_buffer *html = hoedown_buffer_new(64), *smart = hoedown_buffer_new(64);
        hoedown_document_render(document, html, (const uint8_t *)source.data, source.size);
        hoedown_html_smartypants(smart, html->data, html->size);
        printf("%zu bytes to %zu, %016llx, smart %zu, %016llx\n", source.size, html->size,
               (unsigned long long)digest_of(DIGEST_START, html->data, html->size), smart->size,
               (unsigned long long)digest_of(DIGEST_START, smart->data, smart->size));
        hoedown_buffer_free(smart);
        hoedown_buffer_free(html);
        hoedown_document_free(document);
        hoedown_html_renderer_free(renderer);
    }
    free(source.data);
    return 0;
}
