// Subset construction [Rabin & Scott 1959] with one byte of context: a state knows the byte before it, and what it
// accepts depends on the byte after it, so that boundaries of words and lines need no lookahead.
#include "code/text_automaton.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "gpu/kernels/pattern_kernel.h"

namespace jarvis2::code {
namespace {

// Bytes that no set and no context tells apart share a class.
std::uint32_t classes_of(const TextNfa& nfa, std::array<std::uint8_t, 256>& class_of) {
  class_of.fill(0);
  std::uint32_t classes = 1;
  const auto refine = [&](const auto& holds_byte) {
    std::map<std::pair<std::uint8_t, bool>, std::uint8_t> renamed;
    std::array<std::uint8_t, 256> refined{};
    for (unsigned c = 0; c < 256; ++c) {
      const auto [at, fresh] =
          renamed.try_emplace({class_of[c], holds_byte(c)}, static_cast<std::uint8_t>(renamed.size()));
      refined[c] = at->second;
    }
    class_of = refined;
    classes = static_cast<std::uint32_t>(renamed.size());
  };
  for (const std::uint8_t context : {kWordByte, kNewline}) {
    refine([&](unsigned c) { return text_contexts()[c] == context; });
  }
  for (const std::bitset<256>& set : nfa.sets) {
    if (classes == 256) break;
    refine([&](unsigned c) { return set[c]; });
  }
  return classes;
}

class Builder {
 public:
  Builder(const TextNfa& nfa, std::uint32_t most_states) : nfa_(nfa), most_states_(most_states) {
    start_ = nfa.reach(nfa.starts);
    asserts_ = std::any_of(nfa.nodes.begin(), nfa.nodes.end(),
                           [](const TextNfa::Node& node) { return node.kind == TextNfa::Kind::kAssert; });
  }

  std::optional<PatternTables> build() {
    PatternTables tables;
    tables.context_of = text_contexts();
    tables.classes = classes_of(nfa_, tables.class_of);
    std::array<unsigned, 256> sample{};
    for (unsigned c = 0; c < 256; ++c) sample[tables.class_of[c]] = c;
    state_of(start_, kNewline);
    std::vector<std::uint32_t> next;
    for (std::size_t at = 0; at < states_.size(); ++at) {
      const auto [set, before] = states_[at];
      std::array<std::vector<std::uint32_t>, 3> passed;
      std::array<std::vector<std::uint32_t>, 3> accepted;
      for (std::uint8_t after = 0; after < 3; ++after) {
        passed[after] = nfa_.pass(set, before, after);
        for (const std::uint32_t node : passed[after]) {
          if (nfa_.nodes[node].kind == TextNfa::Kind::kAccept) accepted[after].push_back(nfa_.nodes[node].pattern);
        }
        std::sort(accepted[after].begin(), accepted[after].end());
        accepted[after].erase(std::unique(accepted[after].begin(), accepted[after].end()), accepted[after].end());
      }
      accepted_.push_back(accepted);
      for (std::uint32_t kind = 0; kind < tables.classes; ++kind) {
        const unsigned byte = sample[kind];
        const std::uint8_t context = text_contexts()[byte];
        std::vector<std::uint32_t> to;
        for (const std::uint32_t node : passed[context]) {
          const TextNfa::Node& one = nfa_.nodes[node];
          if (one.kind == TextNfa::Kind::kSet && nfa_.sets[one.set][byte]) to.push_back(one.out);
        }
        to = nfa_.reach(to);
        std::vector<std::uint32_t> all;
        std::set_union(to.begin(), to.end(), start_.begin(), start_.end(), std::back_inserter(all));
        next.push_back(state_of(all, context));
        if (states_.size() > most_states_) return std::nullopt;
      }
    }
    finish(next, tables);
    return tables;
  }

 private:
  std::uint32_t state_of(const std::vector<std::uint32_t>& set, std::uint8_t before) {
    const std::pair key(set, asserts_ ? before : static_cast<std::uint8_t>(kNewline));
    const auto [at, fresh] = numbers_.try_emplace(key, static_cast<std::uint32_t>(states_.size()));
    if (fresh) states_.push_back(key);
    return at->second;
  }

  // Accepting states last, so that one comparison tells them.
  void finish(const std::vector<std::uint32_t>& next, PatternTables& tables) {
    const std::size_t count = states_.size();
    tables.states = static_cast<std::uint32_t>(count);
    std::vector<std::uint32_t> order;
    const auto accepting = [&](std::size_t state) {
      return std::any_of(accepted_[state].begin(), accepted_[state].end(),
                         [](const auto& list) { return !list.empty(); });
    };
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!accepting(i)) order.push_back(i);
    }
    tables.first_accepting = static_cast<std::uint32_t>(order.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      if (accepting(i)) order.push_back(i);
    }
    std::vector<std::uint16_t> renamed(count);
    for (std::size_t i = 0; i < count; ++i) renamed[order[i]] = static_cast<std::uint16_t>(i);
    tables.next.resize(count * tables.classes);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::uint32_t kind = 0; kind < tables.classes; ++kind) {
        tables.next[i * tables.classes + kind] = renamed[next[order[i] * tables.classes + kind]];
      }
    }
    std::map<std::vector<std::uint32_t>, std::uint32_t> lists;
    for (std::size_t i = tables.first_accepting; i < count; ++i) {
      for (const std::vector<std::uint32_t>& list : accepted_[order[i]]) {
        const auto [at, fresh] = lists.try_emplace(list, static_cast<std::uint32_t>(tables.accepts.size()));
        if (fresh) {
          tables.accepts.push_back(static_cast<std::uint32_t>(list.size()));
          tables.accepts.insert(tables.accepts.end(), list.begin(), list.end());
        }
        tables.accept_at.push_back(at->second);
      }
    }
  }

  const TextNfa& nfa_;
  std::uint32_t most_states_;
  std::vector<std::uint32_t> start_;
  bool asserts_ = false;
  std::map<std::pair<std::vector<std::uint32_t>, std::uint8_t>, std::uint32_t> numbers_;
  std::vector<std::pair<std::vector<std::uint32_t>, std::uint8_t>> states_;
  std::vector<std::array<std::vector<std::uint32_t>, 3>> accepted_;
};

// One group where it fits, else two halves.
void group(const std::vector<std::unique_ptr<TextRegex>>& patterns, std::span<const std::uint32_t> members,
           std::uint32_t most_states, TextAutomata& out) {
  if (members.empty()) return;
  TextNfa nfa;
  std::uint32_t overlap = 0;
  for (const std::uint32_t number : members) {
    nfa.add(*patterns[number], number);
    if (patterns[number]->can_hold_newline()) overlap = std::max(overlap, patterns[number]->max_length());
  }
  // A quick answer first: automata of many patterns have more states than nodes, and rarely fit when these don't.
  std::optional<PatternTables> tables;
  if (members.size() == 1 || nfa.sets.size() <= 2 * most_states) tables = Builder(nfa, most_states).build();
  if (tables) {
    tables->overlap = overlap;
    out.groups.push_back(std::move(*tables));
  } else if (members.size() == 1) {
    out.left_out.push_back(members[0]);
  } else {
    group(patterns, members.first(members.size() / 2), most_states, out);
    group(patterns, members.subspan(members.size() / 2), most_states, out);
  }
}

}  // namespace

TextAutomata make_automata(const std::vector<std::unique_ptr<TextRegex>>& patterns, std::uint32_t most_states) {
  TextAutomata automata;
  // Patterns of fixed length make small automata together; those with repetitions multiply each other's states.
  std::vector<std::uint32_t> fixed, loose;
  for (std::uint32_t i = 0; i < patterns.size(); ++i) {
    const TextRegex& regex = *patterns[i];
    if (regex.can_hold_newline() && regex.max_length() > kMostOverlap) {
      automata.left_out.push_back(i);
    } else {
      (regex.max_length() == TextRegex::kUnlimited ? loose : fixed).push_back(i);
    }
  }
  const std::uint32_t limit = std::clamp(most_states, 2u, 65535u);
  group(patterns, fixed, limit, automata);
  group(patterns, loose, limit, automata);
  std::sort(automata.left_out.begin(), automata.left_out.end());
  return automata;
}

std::vector<PatternItem> pattern_items(std::string_view text, std::span<const std::uint32_t> file_ends,
                                       std::uint32_t overlap, std::uint32_t bytes) {
  if (text.size() > UINT32_MAX - 1) throw Error("code::pattern_items", "more than 4 GiB of text at once");
  std::vector<PatternItem> items;
  std::uint32_t begin = 0;
  for (const std::uint32_t file_end : file_ends) {
    for (std::uint32_t from = begin; from < file_end;) {
      PatternItem item;
      item.report_from = from;
      item.end = file_end - from <= bytes + bytes / 2 ? file_end : from + bytes;
      item.file_end = file_end;
      // The walk begins where a line does, far enough before what is reported.
      std::uint32_t at = from - std::min(from - begin, overlap);
      while (at > begin && text[at - 1] != '\n') --at;
      item.scan_from = at;
      items.push_back(item);
      from = item.end;
    }
    begin = file_end;
  }
  return items;
}

std::vector<TextEnd> run_host(const PatternTables& tables, std::string_view text, std::span<const PatternItem> items) {
  static_assert(sizeof(PatternItem) == 16 && sizeof(TextEnd) == 8);
  std::vector<TextEnd> found(256);
  std::vector<TextEnd> all;
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    for (;;) {
      unsigned int count = 0;
      pattern_scan_item(reinterpret_cast<const unsigned char*>(text.data()), &items[0].scan_from, i,
                        tables.class_of.data(), tables.context_of.data(), tables.next.data(), tables.classes,
                        tables.first_accepting, tables.accept_at.data(), tables.accepts.data(), &found[0].pattern,
                        &count, static_cast<unsigned int>(found.size()));
      if (count <= found.size()) {
        all.insert(all.end(), found.begin(), found.begin() + count);
        break;
      }
      found.resize(count + count / 2);
    }
  }
  return all;
}

std::uint32_t leftmost_begin(const TextNfa& backwards, std::string_view text, std::uint32_t end) {
  std::vector<std::uint32_t> set = backwards.reach(backwards.starts);
  const auto context = [&](std::uint32_t at) {
    return at < text.size() ? text_contexts()[static_cast<unsigned char>(text[at])]
                            : static_cast<std::uint8_t>(kNewline);
  };
  std::uint8_t before = context(end);
  std::uint32_t best = end;
  for (std::uint32_t at = end;; --at) {
    const std::uint8_t after = at > 0 ? context(at - 1) : static_cast<std::uint8_t>(kNewline);
    set = backwards.pass(set, before, after);
    std::vector<std::uint32_t> to;
    for (const std::uint32_t node : set) {
      const TextNfa::Node& one = backwards.nodes[node];
      if (one.kind == TextNfa::Kind::kAccept) best = at;
      if (one.kind == TextNfa::Kind::kSet && at > 0 &&
          backwards.sets[one.set][static_cast<unsigned char>(text[at - 1])])
        to.push_back(one.out);
    }
    if (to.empty()) return best;
    set = backwards.reach(to);
    before = after;
  }
}

}  // namespace jarvis2::code
