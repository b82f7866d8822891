// tinyxml2: catalogue|book SIZE LOOPS; parses, reads and changes the tree, prints it, and prints a digest of all.
#include "generate_xml.h"
#include "tinyxml2.h"

using namespace tinyxml2;

namespace {

struct Reader : XMLVisitor {
  uint64_t digest = DIGEST_START;
  unsigned elements = 0;
  double total = 0;
  bool VisitEnter(const XMLElement& element, const XMLAttribute* first) override {
    elements++;
    digest = digest_text(digest, element.Name());
    for (const XMLAttribute* a = first; a != nullptr; a = a->Next()) {
      digest = digest_text(digest_text(digest, a->Name()), a->Value());
    }
    total += element.DoubleAttribute("price") + element.IntAttribute("stock");
    return true;
  }
  bool Visit(const XMLText& text) override {
    digest = digest_text(digest, text.Value());
    return true;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  text source = {};
  const unsigned size = std::atoi(argv[2]), loops = std::atoi(argv[3]);
  argv[1][0] == 'c' ? put_catalogue(&source, size) : put_book(&source, size);
  for (unsigned i = 0; i < loops; i++) {
    XMLDocument document;
    if (document.Parse(source.data, source.size) != XML_SUCCESS) {
      std::printf("error %s\n", document.ErrorStr());
      return 1;
    }
    unsigned number = 0;
    for (XMLElement* e = document.RootElement()->FirstChildElement(); e != nullptr; e = e->NextSiblingElement()) {
      if (number++ % 3 == i % 3) {
        e->SetAttribute("checked", number);
        e->InsertNewChildElement("mark")->SetText(number * 0.5);
      }
      if (number % 50 == 0) e->DeleteChild(e->FirstChild());
    }
    Reader reader;
    document.Accept(&reader);
    XMLPrinter printer(nullptr, i % 2 == 1);
    document.Print(&printer);
    std::printf("%u elements, total %.2f, read %016llx, printed %d bytes %016llx\n", reader.elements, reader.total,
                (unsigned long long)reader.digest, printer.CStrSize(),
                (unsigned long long)digest_text(DIGEST_START, printer.CStr()));
  }
  std::free(source.data);
  return 0;
}
