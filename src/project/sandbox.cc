#include "project/sandbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "project/sandbox_port.h"

extern char** environ;

namespace jarvis2::project {
namespace {

// What setup needs of the user's environment to reach package registries.
bool is_network_variable(std::string_view name) {
  static constexpr std::array<std::string_view, 22> kNames = {"HTTP_PROXY",
                                                              "HTTPS_PROXY",
                                                              "ALL_PROXY",
                                                              "NO_PROXY",
                                                              "http_proxy",
                                                              "https_proxy",
                                                              "all_proxy",
                                                              "no_proxy",
                                                              "SSL_CERT_FILE",
                                                              "SSL_CERT_DIR",
                                                              "CURL_CA_BUNDLE",
                                                              "REQUESTS_CA_BUNDLE",
                                                              "NODE_EXTRA_CA_CERTS",
                                                              "GIT_SSL_CAINFO",
                                                              "GOPROXY",
                                                              "GONOSUMDB",
                                                              "GOFLAGS",
                                                              "NIX_SSL_CERT_FILE",
                                                              "GOSUMDB",
                                                              "PIP_INDEX_URL",
                                                              "PIP_FIND_LINKS",
                                                              "UV_INDEX_URL"};
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  for (const std::string_view word : {"TOKEN", "SECRET", "PASS", "AUTH", "KEY"}) {
    if (name.find(word) != std::string_view::npos) return false;
  }
  return name.starts_with("PIP_") || name.starts_with("NPM_CONFIG_") || name.starts_with("npm_config_") ||
         name.starts_with("CARGO_REGISTRIES_") || name.starts_with("UV_");
}

std::vector<std::pair<std::string, std::string>> network_environment() {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view entry = *at;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos || !is_network_variable(entry.substr(0, equals))) continue;
    found.emplace_back(std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1)));
  }
  return found;
}

void set(std::vector<std::pair<std::string, std::string>>& env, const std::string& key, const std::string& value) {
  for (auto& [known, old] : env) {
    if (known == key) {
      old = value;
      return;
    }
  }
  env.emplace_back(key, value);
}

}  // namespace

struct Sandbox::State {
  SandboxOptions options;
  std::unique_ptr<port::Prepared> prepared;
  mutable std::once_flag measured;
  mutable std::uint64_t launch_cpu_ns = 0;
};

const SandboxSupport& sandbox_support() {
  static const SandboxSupport support = port::probe();
  return support;
}

std::string level_name(SandboxLevel level) {
  switch (level) {
    case SandboxLevel::kNone:
      return "none";
    case SandboxLevel::kNamespaces:
      return "namespaces";
    case SandboxLevel::kLandlock:
      return "landlock";
    case SandboxLevel::kSeatbelt:
      return "seatbelt";
  }
  return "none";
}

Sandbox::Sandbox(SandboxOptions options) : state_(std::make_unique<State>()) {
  const SandboxSupport& support = sandbox_support();
  if (support.level == SandboxLevel::kNone) {
    throw Error("project::Sandbox", fmt::format("no sandbox works here: {}", support.missing));
  }
  std::error_code reason;
  options.worktree = fs::canonical(options.worktree, reason);
  if (reason || !fs::is_directory(options.worktree)) {
    throw Error("project::Sandbox", fmt::format("{}: {}", options.worktree.string(),
                                                reason ? reason.message() : std::string("is not a folder")));
  }
  const Toolchains toolchains = find_toolchains(options.worktree);
  std::vector<std::pair<std::string, std::string>> env = {
      {"PATH", toolchains.path}, {"LANG", "C.UTF-8"},    {"TERM", "dumb"},        {"SHELL", "/bin/sh"},
      {"USER", "jarvis2"},       {"LOGNAME", "jarvis2"}, {"PYTHONHASHSEED", "0"}, {"SOURCE_DATE_EPOCH", "315532800"},
      {"NO_COLOR", "1"},
  };
  for (const auto& [key, value] : toolchains.env) {
    // What setup put into its own home goes before the user's.
    const fs::path own = key == "CARGO_HOME"       ? ".cargo"
                         : key == "GOMODCACHE"     ? "go"
                         : key == "PYTHONUSERBASE" ? ".local"
                                                   : "";
    if (!own.empty() && !options.home.empty() && (options.network || fs::exists(options.home / own))) {
      if (key == "CARGO_HOME") set(env, key, (port::inner_home(options, support.level) / own).string());
    } else {
      set(env, key, value);
    }
  }
  if (options.network) {
    for (const auto& [key, value] : network_environment()) set(env, key, value);
  } else {
    set(env, "CARGO_NET_OFFLINE", "true");
    set(env, "GOPROXY", "off");
    set(env, "PIP_NO_INDEX", "1");
    set(env, "npm_config_offline", "true");
  }
  for (const auto& [key, value] : options.env) set(env, key, value);
  options.env = std::move(env);
  state_->options = std::move(options);
  state_->prepared = port::prepare(state_->options, toolchains, support.level);
}

Sandbox::~Sandbox() = default;
Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox& Sandbox::operator=(Sandbox&&) noexcept = default;

SpawnOptions Sandbox::command(const std::string& command) const {
  return state_->prepared->spawn(command);
}

ProcessResult Sandbox::run(const std::string& command, double timeout_s, std::stop_token stop) const {
  return run_process(this->command(command), timeout_s, std::move(stop));
}

std::uint64_t Sandbox::launch_cpu_ns() const {
  std::call_once(state_->measured, [this] {
    std::array<std::uint64_t, 5> samples{};
    for (std::uint64_t& sample : samples) {
      const ProcessResult result = run("true", 60);
      if (!result.ok()) throw Error("project::Sandbox", "the sandbox does not start: " + result.err);
      sample = result.cpu_ns;
    }
    std::sort(samples.begin(), samples.end());
    state_->launch_cpu_ns = samples[samples.size() / 2];
  });
  return state_->launch_cpu_ns;
}

fs::path Sandbox::inner_path() const {
  return state_->prepared->inner_path();
}

const SandboxOptions& Sandbox::options() const {
  return state_->options;
}

}  // namespace jarvis2::project
