/* Two kinds of XML: a catalogue (flat, many attributes) and a book (nested, much text). */
#ifndef GENERATE_XML_H
#define GENERATE_XML_H

#include "generate.h"

static inline void put_catalogue(struct text* out, unsigned items) {
  unsigned i, j, n;
  put(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<catalogue version=\"3\" owner=\"%s\">\n", word());
  for (i = 0; i < items; i++) {
    put(out, "  <item id=\"%u\" name=\"%s %s\" price=\"%u.%02u\" stock=\"%u\" active=\"%s\">\n", i, word(), word(),
        draw(900), draw(100), draw(500), draw(4) ? "true" : "false");
    for (j = 0, n = draw(5); j < n; j++)
      put(out, "    <tag key=\"%s\" value=\"%s&amp;%s\"/>\n", word(), word(), word());
    put(out, "    <size width=\"%u\" height=\"%u\" unit='mm'/>\n    <note>", draw(300), draw(300));
    put_sentence(out, 2 + draw(8));
    put(out, "</note>\n  </item>\n");
  }
  put(out, "</catalogue>\n");
}

static inline void put_book(struct text* out, unsigned chapters) {
  unsigned i, j, k, n, m;
  put(out, "<?xml version=\"1.0\"?>\n<!-- %s -->\n<book>\n", word());
  for (i = 0; i < chapters; i++) {
    put(out, "<chapter><title>%s &lt;%u&gt; caf\xc3\xa9</title>\n", word(), i);
    for (j = 0, n = 3 + draw(6); j < n; j++) {
      put(out, "<section>");
      for (k = 0, m = 1 + draw(5); k < m; k++) {
        put(out, "<p>");
        put_sentence(out, 10 + draw(30));
        put(out, "<em>%s</em> &quot;%s&quot; &#x20AC;%u ", word(), word(), draw(99));
        put_sentence(out, 10 + draw(30));
        put(out, "</p>\n");
      }
      if (draw(4) == 0) put(out, "<![CDATA[if (a < b && c > %u) return;]]>\n<!-- %s -->\n", draw(100), word());
      put(out, "</section>\n");
    }
    put(out, "</chapter>\n");
  }
  put(out, "</book>\n");
}

#endif
