// pugixml: catalogue|book SIZE LOOPS; parses, asks XPath, changes and saves the tree, and prints a digest of all.
#include <sstream>
#include <string>

#include "generate_xml.h"
#include "pugixml.hpp"

namespace {

uint64_t walk(const pugi::xml_node& node, uint64_t digest) {
  for (pugi::xml_node child : node.children()) {
    digest = digest_text(digest_text(digest, child.name()), child.value());
    for (pugi::xml_attribute a : child.attributes()) digest = digest_text(digest_text(digest, a.name()), a.value());
    digest = walk(child, digest);
  }
  return digest;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const bool catalogue = argv[1][0] == 'c';
  text source = {};
  const unsigned size = std::atoi(argv[2]), loops = std::atoi(argv[3]);
  catalogue ? put_catalogue(&source, size) : put_book(&source, size);
  const char* query = catalogue ? "//item[@stock > 250 and tag]/note" : "//section[count(p) > 2]/p[em]";
  const char* sum = catalogue ? "sum(//item/@stock)" : "count(//p[contains(., 'st')])";
  for (unsigned i = 0; i < loops; i++) {
    pugi::xml_document document;
    const pugi::xml_parse_result result = document.load_buffer(source.data, source.size, pugi::parse_full);
    if (!result) {
      std::printf("error %s\n", result.description());
      return 1;
    }
    const uint64_t read = walk(document, DIGEST_START);
    const double total = pugi::xpath_query(sum).evaluate_number(document);
    unsigned found = 0;
    for (const pugi::xpath_node& hit : document.select_nodes(query)) {
      hit.node().append_attribute("found") = ++found;
      if (found % 40 == 0) hit.node().parent().append_copy(hit.node());
    }
    std::ostringstream out;
    document.save(out, i % 2 ? "" : "  ", i % 2 ? pugi::format_raw : pugi::format_default);
    const std::string saved = out.str();
    std::printf("read %016llx, total %.1f, found %u, saved %zu bytes %016llx\n", (unsigned long long)read, total, found,
                saved.size(), (unsigned long long)digest_of(DIGEST_START, saved.data(), saved.size()));
  }
  std::free(source.data);
  return 0;
}
