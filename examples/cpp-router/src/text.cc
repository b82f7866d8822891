#include "text.h"

namespace router {

std::vector<std::string> split(std::string line, char separator) {
  std::vector<std::string> parts;
  std::string part;
  for (int i = 0; i < (int)line.size(); i++) {
    if (line[i] == separator) {
      parts.push_back(part);
      part = "";
    } else {
      part = part + line[i];
    }
  }
  parts.push_back(part);
  return parts;
}

std::string trim(std::string text) {
  while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) {
    text = text.substr(1);
  }
  while (!text.empty() && (text[text.size() - 1] == ' ' || text[text.size() - 1] == '\r')) {
    text = text.substr(0, text.size() - 1);
  }
  return text;
}

bool startsWith(std::string text, std::string prefix) {
  return text.size() >= prefix.size() && text.substr(0, prefix.size()) == prefix;
}

std::string join(std::vector<std::string> parts, std::string separator) {
  std::string result;
  for (size_t i = 0; i < parts.size(); i++) {
    if (i > 0) {
      result = result + separator;
    }
    result = result + parts[i];
  }
  return result;
}

}  // namespace router
