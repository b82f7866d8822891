// Sets of names that are joined more often than they are read: sorted numbers of interned strings.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jarvis2::code {

// The number of a name, the same for the whole process; names are kept until its end. Thread safe.
std::uint32_t intern(std::string_view name);
// Its number where it has one.
std::optional<std::uint32_t> known_name(std::string_view name);
const std::string& interned(std::uint32_t number);

// Iterates in the order in which the names were first seen, which may differ from run to run.
class InternedNames {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = std::string;
    using difference_type = std::ptrdiff_t;
    using pointer = const std::string*;
    using reference = const std::string&;
    explicit Iterator(const std::uint32_t* at) : at_(at) {}
    reference operator*() const { return interned(*at_); }
    pointer operator->() const { return &interned(*at_); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++); }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const std::uint32_t* at_;
  };

  InternedNames() = default;
  InternedNames(std::initializer_list<std::string_view> names);
  void insert(std::string_view name);
  void insert(const InternedNames& others);
  bool contains(std::string_view name) const;
  std::size_t count(std::string_view name) const { return contains(name) ? 1 : 0; }
  bool empty() const { return numbers_.empty(); }
  std::size_t size() const { return numbers_.size(); }
  Iterator begin() const { return Iterator(numbers_.data()); }
  Iterator end() const { return Iterator(numbers_.data() + numbers_.size()); }
  friend bool operator==(const InternedNames&, const InternedNames&) = default;

 private:
  std::vector<std::uint32_t> numbers_;  // sorted
};

}  // namespace jarvis2::code
