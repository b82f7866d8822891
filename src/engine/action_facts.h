// What the guide is told of an action: static measures of its site, and the text that is embedded.
#pragma once

#include <string>

#include "code/workspace.h"
#include "edit/catalogue.h"
#include "learn/features.h"

namespace jarvis2::engine {

learn::ActionFacts action_facts(const edit::Action& action, const code::Workspace& workspace,
                                const edit::Catalogue& catalogue);
// The site's lines with two around them; the rule and title for what has no site in the code.
std::string site_text(const edit::Action& action, const code::Workspace& workspace);

}  // namespace jarvis2::engine
