#include "code/interned_names.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace jarvis2::code {
namespace {

struct Table {
  std::shared_mutex mutex;
  std::deque<std::string> names;  // never moved, so views and references stay good
  std::unordered_map<std::string_view, std::uint32_t> numbers;
};

Table& table() {
  static Table one;
  return one;
}

const std::uint32_t* find(Table& all, std::string_view name) {
  const auto found = all.numbers.find(name);
  return found == all.numbers.end() ? nullptr : &found->second;
}

}  // namespace

std::uint32_t intern(std::string_view name) {
  Table& all = table();
  {
    const std::shared_lock<std::shared_mutex> lock(all.mutex);
    if (const std::uint32_t* known = find(all, name)) return *known;
  }
  const std::unique_lock<std::shared_mutex> lock(all.mutex);
  if (const std::uint32_t* known = find(all, name)) return *known;
  const std::uint32_t number = static_cast<std::uint32_t>(all.names.size());
  all.numbers.emplace(all.names.emplace_back(name), number);
  return number;
}

std::optional<std::uint32_t> known_name(std::string_view name) {
  Table& all = table();
  const std::shared_lock<std::shared_mutex> lock(all.mutex);
  const std::uint32_t* number = find(all, name);
  return number == nullptr ? std::nullopt : std::optional<std::uint32_t>(*number);
}

const std::string& interned(std::uint32_t number) {
  Table& all = table();
  const std::shared_lock<std::shared_mutex> lock(all.mutex);
  return all.names[number];
}

InternedNames::InternedNames(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) insert(name);
}

void InternedNames::insert(std::string_view name) {
  const std::uint32_t number = intern(name);
  const auto at = std::lower_bound(numbers_.begin(), numbers_.end(), number);
  if (at == numbers_.end() || *at != number) numbers_.insert(at, number);
}

void InternedNames::insert(const InternedNames& others) {
  if (std::includes(numbers_.begin(), numbers_.end(), others.numbers_.begin(), others.numbers_.end())) return;
  std::vector<std::uint32_t> all;
  all.reserve(numbers_.size() + others.numbers_.size());
  std::set_union(numbers_.begin(), numbers_.end(), others.numbers_.begin(), others.numbers_.end(),
                 std::back_inserter(all));
  numbers_ = std::move(all);
}

bool InternedNames::contains(std::string_view name) const {
  if (numbers_.empty()) return false;
  const std::optional<std::uint32_t> number = known_name(name);
  return number && std::binary_search(numbers_.begin(), numbers_.end(), *number);
}

}  // namespace jarvis2::code
