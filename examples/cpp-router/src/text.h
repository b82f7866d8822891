#pragma once

#include <string>
#include <vector>

namespace router {

std::vector<std::string> split(std::string line, char separator);
std::string trim(std::string text);
bool startsWith(std::string text, std::string prefix);
std::string join(std::vector<std::string> parts, std::string separator);

}  // namespace router
