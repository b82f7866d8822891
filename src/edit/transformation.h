// What proposes rewrites: YAML rules and transformations written as code, behind one interface.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "code/workspace.h"
#include "edit/action.h"

namespace jarvis2::edit {

// A rewrite of the workspace's current texts (not yet tied to the base commit).
struct Change {
  std::string path;
  code::Range range;
  std::string text;
};

struct Proposal {
  std::string rule;   // "python/inline-function"
  std::string title;  // "inline vector_dot() into simulate()"
  std::string note;   // the fact relied on and where meaning could differ; empty for always-safe
  Safety safety = Safety::kSafeIfVerified;
  std::string path;
  code::Range site;          // what was matched, in the current text of `path`
  double prior_ratio = 1.0;  // what it usually gives on the enclosing hot code
  std::vector<Change> changes;
};

// Stateless; propose() is called from many threads.
class Transformation {
 public:
  virtual ~Transformation() = default;
  virtual std::string name() const = 0;         // "python/inline-function"
  virtual code::Language language() const = 0;  // kC rules are asked for C++ files too
  // Puts several others together: its proposals say nothing new of the code.
  virtual bool composite() const { return false; }
  // Proposals whose site overlaps one of `ranges` of `file` (empty: the whole file). Other files may be read and
  // changed.
  virtual std::vector<Proposal> propose(const code::Workspace& workspace, const code::SourceFile& file,
                                        const std::vector<code::Range>& ranges) const = 0;
};

// All that this build knows, in a stable order; each is in the file of its name.
std::vector<std::unique_ptr<Transformation>> python_transformations();
std::vector<std::unique_ptr<Transformation>> cpp_transformations();
// One for each rule file under `folder` (rules/<language>/*.yaml); throws Error naming file and place for a bad one.
std::vector<std::unique_ptr<Transformation>> load_rules(const std::string& folder);

}  // namespace jarvis2::edit
