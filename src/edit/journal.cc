#include "edit/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"

namespace jarvis2::edit {
namespace {

constexpr ApplyState kStates[] = {ApplyState::kApplying, ApplyState::kApplied, ApplyState::kUndoing,
                                  ApplyState::kUndone, ApplyState::kRolledBack};

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

Json to_json(const Journal& journal) {
  Json json = {
      {"id", journal.id}, {"number", journal.number}, {"state", state_name(journal.state)}, {"files", Json::array()}};
  for (const JournalFile& file : journal.files) {
    json["files"].push_back({{"path", file.path},
                             {"before_sha256", file.before_sha256},
                             {"after_sha256", file.after_sha256},
                             {"mode", file.mode}});
  }
  json["folders"] = journal.folders;
  return json;
}

Journal from_json(const Json& json) {
  Journal journal;
  journal.id = json.at("id");
  journal.number = json.at("number");
  const std::string state = json.at("state");
  bool known = false;
  for (const ApplyState one : kStates) {
    if (state_name(one) == state) {
      journal.state = one;
      known = true;
    }
  }
  if (!known) throw Error("edit::ApplyLog", "unknown state " + state);
  for (const Json& file : json.at("files")) {
    journal.files.push_back({file.at("path"), file.at("before_sha256"), file.at("after_sha256"), file.at("mode")});
  }
  journal.folders = json.value("folders", std::vector<std::string>());
  return journal;
}

std::string what_of(const std::exception& error) {
  const Error* own = dynamic_cast<const Error*>(&error);
  return own != nullptr ? own->message() : error.what();
}

}  // namespace

std::string state_name(ApplyState state) {
  switch (state) {
    case ApplyState::kApplying:
      return "applying";
    case ApplyState::kApplied:
      return "applied";
    case ApplyState::kUndoing:
      return "undoing";
    case ApplyState::kUndone:
      return "undone";
    case ApplyState::kRolledBack:
      break;
  }
  return "rolled back";
}

ApplyLog::ApplyLog(fs::path root, fs::path state_dir, StepHook hook)
    : root_(std::move(root)), dir_(state_dir / "applied"), hook_(std::move(hook)) {}

fs::path ApplyLog::folder(std::uint64_t number) const {
  return dir_ / fmt::format("{:06}", number);
}

void ApplyLog::step(const std::string& what) const {
  if (hook_) hook_(what);
}

void ApplyLog::save(const Journal& journal) {
  step("journal " + state_name(journal.state));
  write_file_atomic(folder(journal.number) / "journal.json", to_json(journal).dump(2));
}

std::string ApplyLog::digest(const std::string& path) const {
  struct stat info {};
  const fs::path file = root_ / path;
  if (::lstat(file.c_str(), &info) != 0) return {};
  if (!S_ISREG(info.st_mode))
    throw Error("edit::ApplyLog", path + ": not a regular file any more; nothing was changed");
  return sha256_hex(read_file(file));
}

// Beside the file, under a name that recovery knows.
fs::path ApplyLog::temporary(const Journal& journal, std::size_t index) const {
  const fs::path target = root_ / journal.files[index].path;
  return target.parent_path() / fmt::format(".{}.jarvis2-{}", target.filename().string(), journal.number);
}

// Temporary file with its mode, fsync, rename, fsync of the folder.
void ApplyLog::replace(const Journal& journal, std::size_t index, std::string_view bytes) {
  const fs::path target = root_ / journal.files[index].path;
  const fs::path written = temporary(journal, index);
  mode_t mode = journal.files[index].mode;
  struct stat info {};
  if (::lstat(target.c_str(), &info) == 0) mode = info.st_mode & 07777;
  const auto fail = [&] {
    const int reason = errno;
    ::unlink(written.c_str());
    throw Error("edit::ApplyLog", fmt::format("{}: {}", journal.files[index].path, std::strerror(reason)));
  };
  ::unlink(written.c_str());
  const int fd = ::open(written.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) fail();
  std::size_t done = 0;
  bool ok = true;
  while (ok && done < bytes.size()) {
    const ssize_t put = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    ok = put >= 0;
    if (ok) done += static_cast<std::size_t>(put);
  }
  ok = ok && ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
  const int reason = errno;
  ::close(fd);
  errno = reason;
  if (!ok || ::rename(written.c_str(), target.c_str()) != 0) fail();
  sync_folder(target.parent_path());
}

// Folders that only the change needed.
void ApplyLog::remove_folders(const Journal& journal) const {
  for (const std::string& folder : journal.folders) {
    if (::rmdir((root_ / folder).c_str()) == 0) sync_folder((root_ / folder).parent_path());
  }
}

// Brings file `index` to its state after (or before), from the journal's copy.
void ApplyLog::put(const Journal& journal, std::size_t index, bool after) {
  const JournalFile& file = journal.files[index];
  const fs::path target = root_ / file.path;
  const std::string& wanted = after ? file.after_sha256 : file.before_sha256;
  step("write " + file.path);
  if (wanted.empty()) {
    if (::unlink(target.c_str()) != 0 && errno != ENOENT) {
      throw Error("edit::ApplyLog", fmt::format("{}: {}", file.path, std::strerror(errno)));
    }
    sync_folder(target.parent_path());
    return;
  }
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (error) throw Error("edit::ApplyLog", fmt::format("{}: {}", file.path, error.message()));
  replace(journal, index, read_file(folder(journal.number) / (after ? "after" : "before") / std::to_string(index)));
}

std::vector<Journal> ApplyLog::journals() const {
  std::vector<Journal> all;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir_, error)) {
    const fs::path file = entry.path() / "journal.json";
    if (!fs::exists(file)) continue;
    try {
      all.push_back(from_json(Json::parse(read_file(file))));
    } catch (const Json::exception& broken) {
      throw Error("edit::ApplyLog", fmt::format("{} is damaged: {}", file.string(), broken.what()));
    }
  }
  std::sort(all.begin(), all.end(), [](const Journal& a, const Journal& b) { return a.number < b.number; });
  return all;
}

std::vector<std::string> ApplyLog::recover() {
  std::vector<std::string> mended;
  for (Journal journal : journals()) {
    if (journal.state != ApplyState::kApplying && journal.state != ApplyState::kUndoing) continue;
    // Both end where the tree was before the change.
    std::vector<std::string> foreign;
    for (std::size_t i = 0; i < journal.files.size(); ++i) {
      const JournalFile& file = journal.files[i];
      ::unlink(temporary(journal, i).c_str());
      const std::string now = digest(file.path);
      if (now == file.before_sha256) continue;
      if (now != file.after_sha256) {
        foreign.push_back(file.path);
        continue;
      }
      put(journal, i, false);
    }
    remove_folders(journal);
    const bool applying = journal.state == ApplyState::kApplying;
    journal.state = applying ? ApplyState::kRolledBack : ApplyState::kUndone;
    save(journal);
    std::string line = applying ? fmt::format("an apply of {} had been interrupted; it was rolled back", journal.id)
                                : fmt::format("an undo of {} had been interrupted; it was finished", journal.id);
    for (const std::string& path : foreign) line += fmt::format("; {} was changed since and is left alone", path);
    mended.push_back(std::move(line));
  }
  return mended;
}

Journal ApplyLog::apply(const std::string& id, const project::Texts& before, const project::Texts& after) {
  const std::vector<Journal> known = journals();
  Journal journal;
  journal.id = id;
  journal.number = known.empty() ? 1 : known.back().number + 1;
  for (const auto& [path, text] : after) {
    const project::Texts::const_iterator old = before.find(path);
    const bool existed = old != before.end() && old->second.has_value();
    JournalFile file{path, existed ? sha256_hex(*old->second) : "", text ? sha256_hex(*text) : "", 0644};
    if (digest(path) != file.before_sha256) {
      throw Error("edit::ApplyLog", fmt::format("{} is not what the run started from; commit or stash your changes, or "
                                                "run improve again (nothing was changed)",
                                                path));
    }
    struct stat info {};
    if (::stat((root_ / path).c_str(), &info) == 0) file.mode = info.st_mode & 07777;
    journal.files.push_back(std::move(file));
  }
  if (journal.files.empty()) throw Error("edit::ApplyLog", "this run has no patch to apply");
  for (const JournalFile& file : journal.files) {
    for (fs::path up = fs::path(file.path).parent_path(); !file.after_sha256.empty() && !up.empty();
         up = up.parent_path()) {
      if (!fs::exists(root_ / up)) journal.folders.push_back(up.string());
    }
  }
  // Longer is deeper, among folders of one path.
  std::sort(journal.folders.begin(), journal.folders.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  journal.folders.erase(std::unique(journal.folders.begin(), journal.folders.end()), journal.folders.end());
  // Everything that going back needs is on disk before the first file changes.
  const fs::path place = folder(journal.number);
  step("folders");
  fs::create_directories(place / "before");
  fs::create_directories(place / "after");
  for (std::size_t i = 0; i < journal.files.size(); ++i) {
    const std::string& path = journal.files[i].path;
    step("copy " + path);
    if (!journal.files[i].before_sha256.empty())
      write_file_atomic(place / "before" / std::to_string(i), *before.at(path));
    if (after.at(path)) write_file_atomic(place / "after" / std::to_string(i), *after.at(path));
  }
  sync_folder(dir_);
  save(journal);
  try {
    for (std::size_t i = 0; i < journal.files.size(); ++i) {
      if (digest(journal.files[i].path) != journal.files[i].before_sha256) {
        throw Error("edit::ApplyLog", journal.files[i].path + " changed while the patch was being applied");
      }
      put(journal, i, true);
    }
    journal.state = ApplyState::kApplied;
    save(journal);
  } catch (const std::exception& error) {
    const std::string message = what_of(error);
    try {
      recover();
    } catch (const std::exception& second) {
      throw Error("edit::ApplyLog",
                  fmt::format("{}; and going back failed ({}): the next jarvis2 command here goes on with it", message,
                              what_of(second)));
    }
    throw Error("edit::ApplyLog", message + " (everything is back as it was)");
  }
  return journal;
}

Journal ApplyLog::undo(const std::string& id) {
  std::vector<Journal> known = journals();
  const auto found = std::find_if(known.rbegin(), known.rend(), [&](const Journal& journal) {
    return journal.state == ApplyState::kApplied && (id.empty() || journal.id == id);
  });
  if (found == known.rend()) throw Error("edit::ApplyLog", "nothing is applied here that could be undone");
  Journal journal = *found;
  for (const JournalFile& file : journal.files) {
    if (digest(file.path) != file.after_sha256) {
      throw Error("edit::ApplyLog",
                  fmt::format("{} was changed after the patch was applied; undo would lose that (nothing was changed)",
                              file.path));
    }
  }
  journal.state = ApplyState::kUndoing;
  save(journal);
  try {
    for (std::size_t i = 0; i < journal.files.size(); ++i) put(journal, i, false);
    remove_folders(journal);
  } catch (const std::exception& error) {
    const std::string message = what_of(error);
    try {
      recover();
    } catch (const std::exception&) {
      throw Error("edit::ApplyLog", message + "; the next jarvis2 command here goes on with the undo");
    }
  }
  journal.state = ApplyState::kUndone;
  save(journal);
  return journal;
}

}  // namespace jarvis2::edit
