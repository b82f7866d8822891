#include "project/repository.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>

#include "base/error.h"
#include "base/log.h"
#include "base/process.h"

namespace jarvis2::project {
namespace {

struct Library {
  Library() { git_libgit2_init(); }
  ~Library() { git_libgit2_shutdown(); }
};
void initialise() {
  static const Library library;
}

std::string git_message() {
  const git_error* last = git_error_last();
  return last != nullptr && last->message != nullptr ? last->message : "unknown failure";
}

void check(int status, std::string_view place, const std::string& what) {
  if (status < 0) throw Error(place, fmt::format("{}: {}", what, git_message()));
}

// Owners of libgit2's objects: Git<git_commit, git_commit_free>.
template <typename T, void (*Free)(T*)>
class Git {
 public:
  Git() = default;
  ~Git() {
    if (pointer_ != nullptr) Free(pointer_);
  }
  Git(Git&& other) noexcept : pointer_(other.pointer_) { other.pointer_ = nullptr; }
  Git& operator=(Git&&) = delete;
  Git(const Git&) = delete;
  Git& operator=(const Git&) = delete;
  T** out() { return &pointer_; }
  T* get() const { return pointer_; }

 private:
  T* pointer_ = nullptr;
};
using Handle = Git<git_repository, git_repository_free>;
using Commit = Git<git_commit, git_commit_free>;
using Tree = Git<git_tree, git_tree_free>;
using Blob = Git<git_blob, git_blob_free>;
using Entry = Git<git_tree_entry, git_tree_entry_free>;
using Index = Git<git_index, git_index_free>;
using Diff = Git<git_diff, git_diff_free>;
using Patch = Git<git_patch, git_patch_free>;
using Statuses = Git<git_status_list, git_status_list_free>;
using Reference = Git<git_reference, git_reference_free>;
using Object = Git<git_object, git_object_free>;
using Odb = Git<git_odb, git_odb_free>;
using Signature = Git<git_signature, git_signature_free>;

std::string hex(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  return git_oid_tostr(text, sizeof text, &id);
}

git_oid parse_oid(const std::string& text) {
  git_oid id;
  check(git_oid_fromstr(&id, text.c_str()), "project::Repository", fmt::format("\"{}\" is not a commit id", text));
  return id;
}

Commit find_commit(git_repository* repository, const std::string& id) {
  const git_oid oid = parse_oid(id);
  Commit commit;
  check(git_commit_lookup(commit.out(), repository, &oid), "project::Repository", "commit " + id);
  return commit;
}

Tree tree_of(git_repository* repository, const std::string& id) {
  const Commit commit = find_commit(repository, id);
  Tree tree;
  check(git_commit_tree(tree.out(), commit.get()), "project::Repository", "tree of commit " + id);
  return tree;
}

bool is_regular(git_filemode_t mode) {
  return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

std::string_view contents(const git_blob* blob) {
  return {static_cast<const char*>(git_blob_rawcontent(blob)), static_cast<std::size_t>(git_blob_rawsize(blob))};
}

std::string without_slash(const char* path) {
  std::string text = path;
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// Calls `visit(path, entry)` for every entry of the tree that is not a folder.
void walk(git_repository* repository, const git_tree* tree, const std::string& prefix,
          const std::function<void(const std::string&, const git_tree_entry*)>& visit) {
  const std::size_t count = git_tree_entrycount(tree);
  for (std::size_t i = 0; i < count; ++i) {
    const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
    const std::string path = prefix + git_tree_entry_name(entry);
    if (git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE) {
      Tree below;
      check(git_tree_lookup(below.out(), repository, git_tree_entry_id(entry)), "project::Repository", path);
      walk(repository, below.get(), path + "/", visit);
    } else {
      visit(path, entry);
    }
  }
}

void write_new_file(const fs::path& file, std::string_view bytes, mode_t mode, const timespec& time) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  std::size_t done = 0;
  bool ok = fd >= 0;
  while (ok && done < bytes.size()) {
    const ssize_t put = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    ok = put >= 0;
    if (ok) done += static_cast<std::size_t>(put);
  }
  const timespec times[2] = {time, time};
  ok = ok && ::fchmod(fd, mode) == 0 && ::futimens(fd, times) == 0;
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (!ok) throw Error("project::Repository::checkout", fmt::format("{}: {}", file.string(), std::strerror(reason)));
}

// Whether no part of `path` is "..", ".git" or empty: what git itself refuses to check out.
bool is_checkout_safe(const std::string& path) {
  for (const fs::path& part : fs::path(path)) {
    std::string name = part.string();
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name.empty() || name == "." || name == ".." || name == ".git") return false;
  }
  return !path.empty() && path.front() != '/';
}

}  // namespace

struct Repository::State {
  Handle handle;
  fs::path root;
  fs::path git_dir;
};

Repository::Repository(std::unique_ptr<State> state) : state_(std::move(state)) {}
Repository::~Repository() = default;
Repository::Repository(Repository&&) noexcept = default;
Repository& Repository::operator=(Repository&&) noexcept = default;

Repository Repository::open(const fs::path& dir) {
  constexpr std::string_view kPlace = "project::Repository::open";
  initialise();
  std::error_code reason;
  const fs::path start = fs::canonical(dir, reason);
  if (reason) throw Error(kPlace, fmt::format("{}: {}", dir.string(), reason.message()));
  if (!fs::is_directory(start)) throw Error(kPlace, fmt::format("{}: is not a folder", dir.string()));
  std::unique_ptr<State> state = std::make_unique<State>();
  const int status = git_repository_open_ext(state->handle.out(), start.c_str(), 0, nullptr);
  if (status == GIT_ENOTFOUND) {
    throw Error(kPlace, fmt::format("{} is not in a git repository; run `git init` there and commit the files first",
                                    start.string()));
  }
  if (status < 0) {
    const std::string message = git_message();
    if (message.find("objectformat") != std::string::npos || message.find("object format") != std::string::npos) {
      throw Error(kPlace, fmt::format("{} uses SHA-256 object names, which are not supported; work on a SHA-1 clone",
                                      start.string()));
    }
    if (message.find("not owned by current user") != std::string::npos) {
      throw Error(kPlace, fmt::format("{} belongs to another user; if you trust it, run "
                                      "`git config --global --add safe.directory {}`",
                                      start.string(), start.string()));
    }
    throw Error(kPlace, fmt::format("{}: the repository cannot be opened: {}", start.string(), message));
  }
  git_repository* handle = state->handle.get();
  if (git_repository_is_bare(handle) != 0) {
    throw Error(kPlace, fmt::format("{} is a bare repository without files; work on a clone of it", start.string()));
  }
  if (git_repository_head_unborn(handle) != 0) {
    throw Error(kPlace, fmt::format("{} has no commit yet; commit the files first", start.string()));
  }
  state->root = without_slash(git_repository_workdir(handle));
  state->git_dir = without_slash(git_repository_commondir(handle));
  return Repository(std::move(state));
}

const fs::path& Repository::root() const {
  return state_->root;
}
const fs::path& Repository::git_dir() const {
  return state_->git_dir;
}

std::string Repository::head() const {
  return resolve("HEAD");
}

std::string Repository::resolve(const std::string& revision) const {
  Object object;
  Object commit;
  if (git_revparse_single(object.out(), state_->handle.get(), revision.c_str()) < 0 ||
      git_object_peel(commit.out(), object.get(), GIT_OBJECT_COMMIT) < 0) {
    throw Error("project::Repository::resolve",
                fmt::format("{}: no such commit in {}: {}", revision, state_->root.string(), git_message()));
  }
  return hex(*git_object_id(commit.get()));
}

std::vector<std::string> Repository::dirty(std::size_t limit) const {
  git_status_options options;
  git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS;
  Statuses list;
  check(git_status_list_new(list.out(), state_->handle.get(), &options), "project::Repository::dirty",
        state_->root.string());
  std::vector<std::string> paths;
  const std::size_t count = git_status_list_entrycount(list.get());
  for (std::size_t i = 0; i < count && paths.size() < limit; ++i) {
    const git_status_entry* entry = git_status_byindex(list.get(), i);
    const git_diff_delta* delta = entry->index_to_workdir != nullptr ? entry->index_to_workdir : entry->head_to_index;
    if (delta == nullptr) continue;
    const std::string path = delta->new_file.path != nullptr ? delta->new_file.path : delta->old_file.path;
    if (path == ".jarvis2" || path.starts_with(".jarvis2/")) continue;
    if (path == "jarvis2.toml" && entry->status == GIT_STATUS_WT_NEW) continue;
    paths.push_back(path);
  }
  return paths;
}

std::string Repository::snapshot_uncommitted() {
  constexpr std::string_view kPlace = "project::Repository::snapshot_uncommitted";
  git_repository* handle = state_->handle.get();
  const std::vector<std::string> paths = dirty(std::string::npos);
  std::vector<git_tree_update> updates;
  for (const std::string& path : paths) {
    git_tree_update update{};
    update.path = path.c_str();
    struct stat info {};
    const bool is_there = ::lstat((state_->root / path).c_str(), &info) == 0;
    if (!is_there) {
      update.action = GIT_TREE_UPDATE_REMOVE;
    } else if (S_ISDIR(info.st_mode)) {
      git_submodule* submodule = nullptr;
      if (git_submodule_lookup(&submodule, handle, path.c_str()) < 0) continue;  // a repository of its own, untracked
      const git_oid* id = git_submodule_wd_id(submodule);
      if (id != nullptr) update.id = *id;
      git_submodule_free(submodule);
      if (id == nullptr) continue;
      update.action = GIT_TREE_UPDATE_UPSERT;
      update.filemode = GIT_FILEMODE_COMMIT;
    } else if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) {
      update.action = GIT_TREE_UPDATE_UPSERT;
      update.filemode = S_ISLNK(info.st_mode)           ? GIT_FILEMODE_LINK
                        : (info.st_mode & S_IXUSR) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE
                                                        : GIT_FILEMODE_BLOB;
      check(git_blob_create_from_workdir(&update.id, handle, path.c_str()), kPlace, path);
    } else {
      continue;
    }
    updates.push_back(update);
  }
  const std::string head_id = head();
  const Commit parent = find_commit(handle, head_id);
  const Tree base = tree_of(handle, head_id);
  // Removals first: a file may have become a folder.
  std::stable_sort(updates.begin(), updates.end(),
                   [](const git_tree_update& a, const git_tree_update& b) { return a.action > b.action; });
  git_oid tree_id = *git_tree_id(base.get());
  for (const git_tree_update_t action : {GIT_TREE_UPDATE_REMOVE, GIT_TREE_UPDATE_UPSERT}) {
    std::vector<git_tree_update> part;
    std::copy_if(updates.begin(), updates.end(), std::back_inserter(part),
                 [action](const git_tree_update& update) { return update.action == action; });
    if (part.empty()) continue;
    Tree current;
    check(git_tree_lookup(current.out(), handle, &tree_id), kPlace, "tree");
    // A path that HEAD does not have (staged, then deleted) needs no removal.
    if (action == GIT_TREE_UPDATE_REMOVE) {
      std::erase_if(part, [&](const git_tree_update& update) {
        Entry entry;
        return git_tree_entry_bypath(entry.out(), current.get(), update.path) < 0;
      });
      if (part.empty()) continue;
    }
    check(git_tree_create_updated(&tree_id, handle, current.get(), part.size(), part.data()), kPlace, "tree");
  }
  Tree tree;
  check(git_tree_lookup(tree.out(), handle, &tree_id), kPlace, "tree");
  // The same contents give the same commit.
  Signature signature;
  check(git_signature_new(signature.out(), "jarvis2", "jarvis2@localhost", git_commit_time(parent.get()), 0), kPlace,
        "signature");
  const git_commit* parents[] = {parent.get()};
  git_oid commit_id;
  check(git_commit_create(&commit_id, handle, nullptr, signature.get(), signature.get(), nullptr,
                          "Uncommitted changes\n", tree.get(), 1, parents),
        kPlace, "commit");
  return hex(commit_id);
}

std::vector<std::string> Repository::files(const std::string& commit) const {
  std::vector<std::string> paths;
  const Tree tree = tree_of(state_->handle.get(), commit);
  walk(state_->handle.get(), tree.get(), "", [&](const std::string& path, const git_tree_entry* entry) {
    if (is_regular(git_tree_entry_filemode(entry)) && is_valid_utf8(path)) paths.push_back(path);
  });
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> Repository::changed(const std::string& from, const std::string& to) const {
  const Tree before = tree_of(state_->handle.get(), from);
  const Tree after = tree_of(state_->handle.get(), to);
  Diff diff;
  check(git_diff_tree_to_tree(diff.out(), state_->handle.get(), before.get(), after.get(), nullptr),
        "project::Repository::changed", from + ".." + to);
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    paths.emplace_back(git_diff_get_delta(diff.get(), i)->new_file.path);
  }
  return paths;
}

std::optional<std::string> Repository::read(const std::string& commit, const std::string& path) const {
  const Tree tree = tree_of(state_->handle.get(), commit);
  Entry entry;
  if (git_tree_entry_bypath(entry.out(), tree.get(), path.c_str()) < 0) return std::nullopt;
  if (!is_regular(git_tree_entry_filemode(entry.get()))) return std::nullopt;
  Blob blob;
  check(git_blob_lookup(blob.out(), state_->handle.get(), git_tree_entry_id(entry.get())), "project::Repository::read",
        path);
  return std::string(contents(blob.get()));
}

std::string Repository::diff(const std::string& commit, const Texts& texts) const {
  Texts before;
  for (const auto& [path, text] : texts) before[path] = read(commit, path);
  return unified_diff(before, texts);
}

namespace {

// "a/src/x.c\t2024-01-01" as src/x.c; empty for /dev/null.
std::string path_of(std::string_view header) {
  std::string path(header.substr(0, header.find_first_of("\t\r")));
  if (path == "/dev/null") return {};
  if (path.starts_with("a/") || path.starts_with("b/")) path.erase(0, 2);
  return path;
}

// A plain unified diff (diff -u, difflib) with the lines that libgit2 wants before each file.
std::string with_git_headers(const std::string& patch) {
  if (patch.starts_with("diff --git ") || patch.find("\ndiff --git ") != std::string::npos) return patch;
  std::istringstream lines(patch);
  std::string result, line, next;
  int old_left = 0, new_left = 0;  // of the hunk in hand
  while (std::getline(lines, line)) {
    int old_count = 1, new_count = 1;
    if (old_left > 0 || new_left > 0) {
      old_left -= line.starts_with('+') || line.starts_with('\\') ? 0 : 1;
      new_left -= line.starts_with('-') || line.starts_with('\\') ? 0 : 1;
    } else if (std::smatch match; line.starts_with("@@ ")) {
      static const std::regex hunk(R"(@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@.*)");
      if (std::regex_match(line, match, hunk)) {
        if (match[1].matched) old_count = std::stoi(match[1]);
        if (match[2].matched) new_count = std::stoi(match[2]);
        old_left = old_count;
        new_left = new_count;
      }
    } else if (line.starts_with("--- ") && std::getline(lines, next)) {
      const std::string before = path_of(std::string_view(line).substr(4));
      const std::string after = next.starts_with("+++ ") ? path_of(std::string_view(next).substr(4)) : "";
      const std::string& name = after.empty() ? before : after;
      result += fmt::format("diff --git a/{0} b/{0}\n", name);
      if (before.empty()) result += "new file mode 100644\n";
      if (after.empty()) result += "deleted file mode 100644\n";
      result += before.empty() ? "--- /dev/null\n" : "--- a/" + name + "\n";
      result += after.empty() ? "+++ /dev/null\n" : "+++ b/" + name + "\n";
      continue;
    }
    result += line + "\n";
  }
  return result;
}

}  // namespace

Texts Repository::apply_patch(const std::string& commit, const std::string& patch) const {
  constexpr std::string_view kPlace = "project::Repository::apply_patch";
  // A second handle whose new objects stay in memory.
  Handle handle;
  Odb odb;
  git_odb_backend* memory = nullptr;
  check(git_repository_open(handle.out(), state_->root.c_str()), kPlace, state_->root.string());
  check(git_repository_odb(odb.out(), handle.get()), kPlace, "objects");
  check(git_mempack_new(&memory), kPlace, "objects");
  check(git_odb_add_backend(odb.get(), memory, 999), kPlace, "objects");
  const Tree tree = tree_of(handle.get(), commit);
  Diff diff;
  Index index;
  const std::string full = with_git_headers(patch);
  if (git_diff_from_buffer(diff.out(), full.data(), full.size()) < 0) {
    throw Error(kPlace, fmt::format("the patch is not a unified diff as git writes it: {}", git_message()));
  }
  if (git_diff_num_deltas(diff.get()) == 0) throw Error(kPlace, "the patch is empty");
  if (git_apply_to_tree(index.out(), handle.get(), tree.get(), diff.get(), nullptr) < 0) {
    throw Error(kPlace, fmt::format("the patch does not apply to {}: {}", commit.substr(0, 12), git_message()));
  }
  Texts texts;
  const auto take = [&](const char* name) {
    if (name == nullptr) return;
    const std::string path = name;
    if (!is_checkout_safe(path)) throw Error(kPlace, fmt::format("the patch writes to {}", path));
    const git_index_entry* entry = git_index_get_bypath(index.get(), name, 0);
    if (entry == nullptr) {
      texts[path] = std::nullopt;
      return;
    }
    if (!is_regular(static_cast<git_filemode_t>(entry->mode))) {
      throw Error(kPlace, fmt::format("the patch makes {} something else than a regular file", path));
    }
    Blob blob;
    check(git_blob_lookup(blob.out(), handle.get(), &entry->id), kPlace, path);
    texts[path] = std::string(contents(blob.get()));
  };
  for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff.get(), i);
    if (delta->status != GIT_DELTA_ADDED) take(delta->old_file.path);
    if (delta->status != GIT_DELTA_DELETED) take(delta->new_file.path);
  }
  return texts;
}

fs::path Repository::state_dir() {
  constexpr std::string_view kPlace = "project::Repository::state_dir";
  const fs::path dir = state_->root / ".jarvis2";
  std::error_code reason;
  if (fs::is_symlink(dir, reason)) throw Error(kPlace, fmt::format("{} is a symbolic link; remove it", dir.string()));
  fs::create_directories(dir, reason);
  if (reason) {
    throw Error(kPlace, fmt::format("{}: {}; the folder must be writable for the state of runs", dir.string(),
                                    reason.message()));
  }
  const fs::path exclude = state_->git_dir / "info" / "exclude";
  std::string text;
  if (fs::exists(exclude, reason)) text = read_file(exclude);
  const std::string wanted = "/.jarvis2/";
  if (("\n" + text + "\n").find("\n" + wanted + "\n") == std::string::npos) {
    if (!text.empty() && text.back() != '\n') text += '\n';
    fs::create_directories(exclude.parent_path(), reason);
    write_file_atomic(exclude, text + wanted + "\n");
  }
  return dir;
}

std::vector<fs::path> Repository::object_dirs() const {
  std::vector<fs::path> dirs = {state_->git_dir / "objects"};
  std::ifstream alternates(dirs[0] / "info" / "alternates");
  for (std::string line; std::getline(alternates, line);) {
    if (line.empty() || line[0] == '#') continue;
    dirs.push_back(line[0] == '/' ? fs::path(line) : (dirs[0] / line).lexically_normal());
  }
  return dirs;
}

std::vector<std::string> Repository::checkout(const std::string& commit, const fs::path& folder) const {
  constexpr std::string_view kPlace = "project::Repository::checkout";
  std::vector<std::string> missing;
  fs::create_directories(folder);
  if (!fs::is_empty(folder)) throw Error(kPlace, fmt::format("{} is not empty", folder.string()));
  const std::int64_t seconds =
      std::min<std::int64_t>(git_commit_time(find_commit(state_->handle.get(), commit).get()), ::time(nullptr) - 10);
  const timespec time{static_cast<time_t>(std::max<std::int64_t>(seconds, 1)), 0};
  const std::function<void(git_repository*, const std::string&, const std::string&)> take =
      [&](git_repository* handle, const std::string& id, const std::string& prefix) {
        const Tree tree = tree_of(handle, id);
        std::string made;
        walk(handle, tree.get(), "", [&](const std::string& relative, const git_tree_entry* entry) {
          const std::string path = prefix + relative;
          if (!is_checkout_safe(path)) throw Error(kPlace, fmt::format("the commit holds the unsafe path {}", path));
          const fs::path target = folder / path;
          if (target.parent_path() != made) {
            made = target.parent_path();
            fs::create_directories(made);
          }
          const git_filemode_t mode = git_tree_entry_filemode(entry);
          if (mode == GIT_FILEMODE_COMMIT) {
            fs::create_directories(target);
            Handle submodule;
            const std::string wanted = hex(*git_tree_entry_id(entry));
            git_commit* found = nullptr;
            const bool is_there = git_repository_open_ext(submodule.out(), (state_->root / path).c_str(),
                                                          GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr) == 0 &&
                                  git_commit_lookup(&found, submodule.get(), git_tree_entry_id(entry)) == 0;
            git_commit_free(found);
            if (is_there) {
              take(submodule.get(), wanted, path + "/");
            } else {
              missing.push_back(path);
            }
            return;
          }
          Blob blob;
          check(git_blob_lookup(blob.out(), handle, git_tree_entry_id(entry)), kPlace, path);
          if (mode == GIT_FILEMODE_LINK) {
            const std::string link(contents(blob.get()));
            if (::symlink(link.c_str(), target.c_str()) != 0) {
              throw Error(kPlace, fmt::format("{}: {}", target.string(), std::strerror(errno)));
            }
          } else {
            write_new_file(target, contents(blob.get()), mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644, time);
          }
        });
      };
  take(state_->handle.get(), commit, "");
  // A repository of its own, for tools that ask git: detached at the commit, our objects borrowed, no configuration or
  // remotes of the user's.
  Handle own;
  git_repository_init_options options;
  git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
  options.flags = GIT_REPOSITORY_INIT_MKDIR;
  check(git_repository_init_ext(own.out(), folder.c_str(), &options), kPlace, folder.string());
  const fs::path git = folder / ".git";
  std::string alternates;
  for (const fs::path& dir : object_dirs()) alternates += dir.string() + "\n";
  fs::create_directories(git / "objects" / "info");
  std::ofstream(git / "objects" / "info" / "alternates") << alternates;
  std::ofstream(git / "HEAD") << commit << "\n";
  std::error_code ignored;
  for (const char* part : {"packed-refs", "shallow"}) fs::copy_file(state_->git_dir / part, git / part, ignored);
  fs::remove_all(git / "refs" / "tags", ignored);
  fs::copy(state_->git_dir / "refs" / "tags", git / "refs" / "tags", fs::copy_options::recursive, ignored);
  Handle opened;
  Index index;
  const bool indexed =
      git_repository_open(opened.out(), folder.c_str()) == 0 && git_repository_index(index.out(), opened.get()) == 0 &&
      git_index_read_tree(index.get(), tree_of(opened.get(), commit).get()) == 0 && git_index_write(index.get()) == 0;
  if (!indexed) log::debug("index of {}: {}", folder.string(), git_message());
  return missing;
}

std::string unified_diff(const Texts& before, const Texts& after) {
  constexpr std::string_view kPlace = "project::unified_diff";
  initialise();
  Texts paths;
  for (const auto& [path, text] : before) paths[path];
  for (const auto& [path, text] : after) paths[path];
  std::string out;
  for (const auto& [path, unused] : paths) {
    const auto text_of = [&path = path](const Texts& texts) -> const std::string* {
      const Texts::const_iterator at = texts.find(path);
      return at != texts.end() && at->second ? &*at->second : nullptr;
    };
    const std::string* old_text = text_of(before);
    const std::string* new_text = text_of(after);
    if (old_text == nullptr && new_text == nullptr) continue;
    if (old_text != nullptr && new_text != nullptr && *old_text == *new_text) continue;
    git_diff_options options;
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.flags = GIT_DIFF_SHOW_BINARY;
    options.context_lines = 3;
    options.id_abbrev = GIT_OID_HEXSZ;
    Patch patch;
    check(git_patch_from_buffers(patch.out(), old_text == nullptr ? nullptr : old_text->data(),
                                 old_text == nullptr ? 0 : old_text->size(), path.c_str(),
                                 new_text == nullptr ? nullptr : new_text->data(),
                                 new_text == nullptr ? 0 : new_text->size(), path.c_str(), &options),
          kPlace, path);
    git_buf buffer = GIT_BUF_INIT;
    check(git_patch_to_buf(&buffer, patch.get()), kPlace, path);
    out.append(buffer.ptr, buffer.size);
    git_buf_dispose(&buffer);
  }
  return out;
}

}  // namespace jarvis2::project
