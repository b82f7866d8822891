#include <cstdlib>

#include "base/executable.h"
#include "edit/rule.h"

namespace jarvis2::edit {

std::string default_rules_folder() {
  const char* folder = std::getenv("JARVIS2_RULES");
  if (folder != nullptr && *folder != '\0') return folder;
  return (data_dir() / "rules").string();
}

}  // namespace jarvis2::edit
