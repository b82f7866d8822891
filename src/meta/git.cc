#include "meta/git.h"

#include <fmt/format.h>
#include <git2.h>

#include <vector>

#include "base/error.h"

namespace jarvis2::meta {
namespace {

template <typename T, void (*Free)(T*)>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (pointer_ != nullptr) Free(pointer_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  T** out() { return &pointer_; }
  T* get() const { return pointer_; }

 private:
  T* pointer_ = nullptr;
};

void check(int status, const std::string& what) {
  if (status >= 0) return;
  const git_error* last = git_error_last();
  throw Error("meta::Git",
              fmt::format("{}: {}", what, last != nullptr && last->message != nullptr ? last->message : "unknown"));
}

std::string hex(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  return git_oid_tostr(text, sizeof text, &id);
}

}  // namespace

struct Git::State {
  State() { git_libgit2_init(); }
  ~State() {
    git_repository_free(handle);
    git_libgit2_shutdown();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  git_repository* handle = nullptr;
};

Git::Git(const fs::path& root) : state_(std::make_unique<State>()) {
  check(git_repository_open(&state_->handle, root.c_str()), root.string());
}
Git::~Git() = default;

fs::path Git::git_dir() const {
  return fs::path(git_repository_path(state_->handle)).parent_path();
}

bool Git::ignored(const std::string& path) const {
  if (path.empty()) return false;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = std::string_view(path).substr(at, end - at);
    if (part == ".git" || part == ".jarvis2") return true;
    at = end + 1;
  }
  int ignored = 0;
  return git_ignore_path_is_ignored(&ignored, state_->handle, path.c_str()) == 0 && ignored != 0;
}

std::string Git::head() const {
  git_oid id;
  return git_reference_name_to_id(&id, state_->handle, "HEAD") == 0 ? hex(id) : std::string();
}

std::string Git::commit(const std::string& parent, const project::Texts& texts, const std::string& message) const {
  git_oid parent_id;
  check(git_oid_fromstr(&parent_id, parent.c_str()), parent);
  Owned<git_commit, git_commit_free> commit;
  check(git_commit_lookup(commit.out(), state_->handle, &parent_id), "commit " + parent);
  Owned<git_tree, git_tree_free> base;
  check(git_commit_tree(base.out(), commit.get()), "tree of " + parent);
  std::vector<git_tree_update> updates;
  for (const auto& [path, text] : texts) {
    git_tree_update update{};
    update.path = path.c_str();
    Owned<git_tree_entry, git_tree_entry_free> entry;
    const bool known = git_tree_entry_bypath(entry.out(), base.get(), path.c_str()) == 0;
    if (text) {
      update.action = GIT_TREE_UPDATE_UPSERT;
      update.filemode = known ? git_tree_entry_filemode(entry.get()) : GIT_FILEMODE_BLOB;
      check(git_blob_create_from_buffer(&update.id, state_->handle, text->data(), text->size()), path);
    } else if (known) {
      update.action = GIT_TREE_UPDATE_REMOVE;
    } else {
      continue;
    }
    updates.push_back(update);
  }
  git_oid tree_id = *git_tree_id(base.get());
  if (!updates.empty()) {
    check(git_tree_create_updated(&tree_id, state_->handle, base.get(), updates.size(), updates.data()), "tree");
  }
  Owned<git_tree, git_tree_free> tree;
  check(git_tree_lookup(tree.out(), state_->handle, &tree_id), "tree");
  Owned<git_signature, git_signature_free> signature;
  check(git_signature_new(signature.out(), "jarvis2", "jarvis2@localhost", git_commit_time(commit.get()), 0),
        "signature");
  const git_commit* parents[] = {commit.get()};
  git_oid id;
  check(git_commit_create(&id, state_->handle, nullptr, signature.get(), signature.get(), nullptr, message.c_str(),
                          tree.get(), 1, parents),
        "commit");
  return hex(id);
}

void Git::create_branch(const std::string& name, const std::string& commit) const {
  git_oid id;
  check(git_oid_fromstr(&id, commit.c_str()), commit);
  Owned<git_commit, git_commit_free> found;
  check(git_commit_lookup(found.out(), state_->handle, &id), "commit " + commit);
  Owned<git_reference, git_reference_free> branch;
  const int status = git_branch_create(branch.out(), state_->handle, name.c_str(), found.get(), 0);
  if (status != GIT_EEXISTS) check(status, "branch " + name);
}

bool Git::has_branch(const std::string& name) const {
  Owned<git_reference, git_reference_free> branch;
  return git_branch_lookup(branch.out(), state_->handle, name.c_str(), GIT_BRANCH_LOCAL) == 0;
}

bool Git::contains(const std::string& descendant, const std::string& ancestor) const {
  git_oid later;
  git_oid earlier;
  if (git_oid_fromstr(&later, descendant.c_str()) < 0 || git_oid_fromstr(&earlier, ancestor.c_str()) < 0) return false;
  return git_oid_equal(&later, &earlier) != 0 || git_graph_descendant_of(state_->handle, &later, &earlier) == 1;
}

std::size_t Git::commits_between(const std::string& from, const std::string& to) const {
  git_oid first;
  git_oid last;
  std::size_t ahead = 0;
  std::size_t behind = 0;
  if (git_oid_fromstr(&first, from.c_str()) < 0 || git_oid_fromstr(&last, to.c_str()) < 0) return 0;
  return git_graph_ahead_behind(&ahead, &behind, state_->handle, &last, &first) == 0 ? ahead : 0;
}

std::optional<std::string> merge_texts(const std::string& base, const std::string& ours, const std::string& theirs) {
  struct Library {
    Library() { git_libgit2_init(); }
    ~Library() { git_libgit2_shutdown(); }
  };
  const Library library;
  git_merge_file_input inputs[3];
  const std::string* texts[] = {&base, &ours, &theirs};
  for (int i = 0; i < 3; ++i) {
    git_merge_file_input_init(&inputs[i], GIT_MERGE_FILE_INPUT_VERSION);
    inputs[i].ptr = texts[i]->data();
    inputs[i].size = texts[i]->size();
    inputs[i].path = "file";
  }
  git_merge_file_result result{};
  if (git_merge_file(&result, &inputs[0], &inputs[1], &inputs[2], nullptr) < 0) return std::nullopt;
  std::optional<std::string> merged;
  if (result.automergeable != 0) merged.emplace(result.ptr, result.len);
  git_merge_file_result_free(&result);
  return merged;
}

}  // namespace jarvis2::meta
