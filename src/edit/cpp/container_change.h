// Changing the container type of a variable, a member or a chain of them that hand the value on.
#pragma once

#include "edit/cpp/list.h"

namespace jarvis2::edit::cpp {

struct ContainerChange {
  std::string from;               // "map"
  std::string to;                 // "unordered_map"
  std::string header;             // "unordered_map"
  std::set<std::string> methods;  // that both offer with the same meaning
  bool subscript = true;          // x[i] keeps its meaning
  bool iterate = false;           // range-for keeps its meaning
  bool keep_arguments = true;     // all template arguments are taken over
  std::size_t max_arguments = 9;  // more (a comparator) are not understood
};
// The change of `variable` and of every variable it is copied into or passed as; nullopt where some use does not fit.
std::optional<Proposal> change_container(const Context& context, const CVariable& variable,
                                         const ContainerChange& change,
                                         const std::function<bool(const CUseOf&)>& other_use, std::string title,
                                         std::string note);
// Variables of such a type that the context wants, each once: locals, then members and globals used here.
std::vector<CVariable> containers(const Context& context, const std::string& name);

}  // namespace jarvis2::edit::cpp
