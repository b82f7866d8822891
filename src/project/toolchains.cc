// The toolchains of the user that sandboxed commands may read.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <sstream>

#include "base/error.h"
#include "project/sandbox.h"

namespace jarvis2::project {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  if (folder.empty()) return false;
  const auto [rest, ignored] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return rest == folder.end();
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

fs::path resolved(const fs::path& path) {
  std::error_code reason;
  fs::path real = fs::canonical(path, reason);
  return reason ? fs::path() : real;
}

std::string first_word(const fs::path& file) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const Error&) {
    return "";
  }
  std::istringstream words(text);
  std::string word;
  words >> word;
  return word;
}

class Finder {
 public:
  explicit Finder(const fs::path& worktree) : worktree_(worktree), home_(variable("HOME")) {}

  Toolchains find() {
    std::istringstream entries(variable("PATH"));
    std::vector<fs::path> path;
    for (std::string entry; std::getline(entries, entry, ':');) {
      if (entry.starts_with('/')) path.emplace_back(fs::path(entry).lexically_normal());
    }
    for (const char* usual : {"/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"}) {
      if (std::find(path.begin(), path.end(), fs::path(usual)) == path.end()) path.emplace_back(usual);
    }
    for (const fs::path& entry : path) add_path_entry(entry);
    for (const char* home : {"VIRTUAL_ENV", "CONDA_PREFIX", "JAVA_HOME", "GOROOT"}) {
      const fs::path folder = variable(home);
      if (folder.is_absolute() && is_folder(folder) && add_folder(folder)) found_.env.emplace_back(home, folder);
    }
    add_package_homes();
    std::string joined;
    for (const fs::path& entry : path_) joined += (joined.empty() ? "" : ":") + entry.string();
    found_.path = joined;
    return std::move(found_);
  }

 private:
  // Where the system's read-only folders already cover `path`.
  static bool is_system(const fs::path& path) {
    for (const char* root : {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/System", "/Library"}) {
      if (is_inside(path, root)) return true;
    }
    return false;
  }

  // Never a folder that holds more than tools: the root, a home or what contains one.
  bool is_safe(const fs::path& folder) const {
    if (folder.empty() || folder == "/" || !folder.is_absolute()) return false;
    if (!home_.empty() && is_inside(resolved(home_), folder)) return false;
    const fs::path parent = folder.parent_path();
    if (folder == "/home" || folder == "/root" || folder == "/Users" || folder == "/etc" || folder == "/var" ||
        folder == "/tmp" || parent == "/home" || parent == "/Users") {
      return false;
    }
    return true;
  }

  bool add_folder(const fs::path& folder) {
    if (is_system(folder)) return true;
    const fs::path real = resolved(folder);
    if (!is_safe(folder) || !is_safe(real)) return false;
    add(folder);
    if (real != folder && !is_system(real)) add(real);
    return true;
  }

  void add(const fs::path& folder) {
    for (const fs::path& known : found_.folders) {
      if (is_inside(folder, known)) return;
    }
    found_.folders.push_back(folder);
  }

  void add_path_entry(fs::path entry) {
    if (!is_folder(entry)) return;
    if (entry.filename() == "shims" && is_there(entry.parent_path() / "versions")) {
      add_pyenv(entry.parent_path());
      return;
    }
    if (entry.string().find("/plugins/pyenv-virtualenv/shims") != std::string::npos) return;
    if (std::find(path_.begin(), path_.end(), entry) != path_.end()) return;
    if (!is_system(entry)) {
      // A prefix of its own (a virtual environment, /usr/local/go) counts whole; a mere bin folder only itself.
      const fs::path prefix = entry.filename() == "bin" ? entry.parent_path() : entry;
      const bool whole = is_there(prefix / "pyvenv.cfg") || is_there(prefix / "conda-meta") ||
                         is_there(prefix / "lib") || is_there(prefix / "include") || is_there(prefix / "VERSION") ||
                         is_there(prefix / "lib64");
      const bool is_package_home = prefix.filename() == ".cargo" || prefix.filename() == ".local";
      if (!(whole && !is_package_home && add_folder(prefix)) && !add_folder(entry)) return;
    }
    path_.push_back(entry);
    add_targets(entry);
  }

  // Interpreters and compilers are often links into a prefix elsewhere.
  void add_targets(const fs::path& bin) {
    static constexpr std::array<const char*, 22> kPrograms = {
        "python3", "python", "cc",   "gcc",   "g++",   "c++",   "clang", "clang++", "cargo", "rustc",  "go",
        "node",    "npm",    "java", "cmake", "ninja", "meson", "make",  "ccache",  "ld",    "pytest", "mold"};
    for (const char* program : kPrograms) {
      const fs::path real = resolved(bin / program);
      if (real.empty() || is_system(real)) continue;
      fs::path prefix = real.parent_path();
      if (prefix.filename() == "bin") prefix = prefix.parent_path();
      if (prefix.filename() == ".cargo") prefix /= "bin";
      if (!add_folder(prefix)) add_folder(real.parent_path());
    }
  }

  void add_pyenv(const fs::path& root) {
    std::string versions = variable("PYENV_VERSION");
    if (versions.empty()) versions = first_word(worktree_ / ".python-version");
    if (versions.empty() || !is_folder(root / "versions" / versions)) versions = first_word(root / "version");
    const fs::path prefix = root / "versions" / versions;
    if (versions.empty() || !is_folder(prefix / "bin") || !add_folder(prefix)) return;
    path_.push_back(prefix / "bin");
    add_targets(prefix / "bin");
  }

  void add_package_homes() {
    if (home_.empty()) return;
    const auto home_of = [&](const char* name, const fs::path& usual) {
      const std::string set = variable(name);
      return set.empty() ? home_ / usual : fs::path(set);
    };
    if (const fs::path rustup = home_of("RUSTUP_HOME", ".rustup"); is_folder(rustup) && add_folder(rustup)) {
      found_.env.emplace_back("RUSTUP_HOME", rustup);
    }
    if (const fs::path cargo = home_of("CARGO_HOME", ".cargo"); is_folder(cargo)) {
      for (const char* part : {"bin", "registry", "git"}) {
        if (is_folder(cargo / part)) add_folder(cargo / part);
      }
      for (const char* part : {"config.toml", "config"}) {
        if (is_there(cargo / part) && is_harmless(cargo / part)) add(cargo / part);
      }
      found_.env.emplace_back("CARGO_HOME", cargo);
    }
    if (const fs::path modules =
            variable("GOMODCACHE").empty() ? home_of("GOPATH", "go") / "pkg" / "mod" : fs::path(variable("GOMODCACHE"));
        is_folder(modules) && add_folder(modules)) {
      found_.env.emplace_back("GOMODCACHE", modules);
    }
    const fs::path local = home_ / ".local";
    if (is_folder(local / "lib") && add_folder(local / "lib")) found_.env.emplace_back("PYTHONUSERBASE", local);
    for (const char* store : {"/nix/store", "/opt/homebrew", "/home/linuxbrew/.linuxbrew"}) {
      if (is_folder(store)) add_folder(store);
    }
  }

  // Configuration that names no secret.
  static bool is_harmless(const fs::path& file) {
    try {
      const std::string text = read_file(file);
      return text.find("token") == std::string::npos && text.find("secret") == std::string::npos &&
             text.find("password") == std::string::npos;
    } catch (const Error&) {
      return false;
    }
  }

  fs::path worktree_;
  fs::path home_;
  std::vector<fs::path> path_;
  Toolchains found_;
};

}  // namespace

Toolchains find_toolchains(const fs::path& worktree) {
  return Finder(worktree).find();
}

}  // namespace jarvis2::project
