#include "app/top_view.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "hardware/monitor.h"

namespace jarvis2::app {
namespace {

enum Pair : short { kPlain = 0, kLow = 1, kMiddle = 2, kHigh = 3, kTitle = 4, kDim = 5, kGpu = 6 };
constexpr std::size_t kHistory = 512;

struct History {
  std::deque<double> values;
  void add(double value) {
    values.push_back(std::clamp(value, 0.0, 1.0));
    if (values.size() > kHistory) values.pop_front();
  }
};

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "K", "M", "G", "T"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.{}f}{}", value, unit == 0 || value >= 100 ? 0 : 1, kUnits[unit]);
}

// Owns the terminal for its life.
class Screen {
 public:
  Screen() {
    std::setlocale(LC_ALL, "");
    if (::newterm(nullptr, stdout, stdin) == nullptr) {
      throw Error("app::top", "this terminal cannot show it (TERM unset or unknown): use jarvis2 top --once");
    }
    ::cbreak();
    ::noecho();
    ::keypad(stdscr, TRUE);
    ::curs_set(0);
    const char* no_color = std::getenv("NO_COLOR");
    colored_ = ::has_colors() && (no_color == nullptr || *no_color == '\0');
    if (!colored_) return;
    ::start_color();
    ::use_default_colors();
    ::init_pair(kLow, COLOR_GREEN, -1);
    ::init_pair(kMiddle, COLOR_YELLOW, -1);
    ::init_pair(kHigh, COLOR_RED, -1);
    ::init_pair(kTitle, COLOR_CYAN, -1);
    ::init_pair(kGpu, COLOR_MAGENTA, -1);
  }
  ~Screen() { ::endwin(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  attr_t attributes(Pair pair) const {
    if (pair == kDim) return A_DIM;
    if (pair == kTitle) return A_BOLD | (colored_ ? COLOR_PAIR(kTitle) : 0);
    return colored_ && pair != kPlain ? COLOR_PAIR(pair) : 0;
  }

  // Cut at the right edge.
  void text(int row, int column, const std::string& what, Pair pair = kPlain) const {
    if (row < 0 || row >= LINES || column < 0 || column >= COLS) return;
    const attr_t with = attributes(pair);
    ::attron(with);
    std::string cut;
    int width = 0;
    for (std::size_t i = 0; i < what.size();) {
      std::size_t next = i + 1;
      while (next < what.size() && (static_cast<unsigned char>(what[next]) & 0xC0) == 0x80) ++next;
      if (column + ++width > COLS) break;
      cut += what.substr(i, next - i);
      i = next;
    }
    ::mvaddstr(row, column, cut.c_str());
    ::attroff(with);
  }

  static Pair heat(double share) { return share < 0.6 ? kLow : share < 0.85 ? kMiddle : kHigh; }

  // A gauge of eighths of a cell.
  void bar(int row, int column, int width, double share, Pair pair) const {
    constexpr std::array<const char*, 8> kParts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (width <= 0) return;
    const int eighths = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width * 8));
    std::string full;
    for (int i = 0; i < eighths / 8; ++i) full += "█";
    full += kParts[static_cast<std::size_t>(eighths % 8)];
    std::string rest;
    for (int i = (eighths + 7) / 8; i < width; ++i) rest += "·";
    text(row, column, full, pair);
    text(row, column + (eighths + 7) / 8, rest, kDim);
  }

  // The newest values, `rows` high, at the right.
  void graph(int row, int column, int width, int rows, const History& history, Pair pair) const {
    constexpr std::array<const char*, 9> kLevels = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const int count = std::min<int>(width, static_cast<int>(history.values.size()));
    for (int line = 0; line < rows; ++line) {
      std::string cells;
      for (int i = 0; i < count; ++i) {
        const double value = history.values[history.values.size() - static_cast<std::size_t>(count - i)];
        const int eighths = static_cast<int>(std::lround(value * rows * 8)) - (rows - 1 - line) * 8;
        const bool base = line == rows - 1;
        cells += kLevels[static_cast<std::size_t>(std::clamp(eighths, base ? 1 : 0, 8))];
      }
      text(row + line, column + width - count, cells, pair);
    }
  }

 private:
  bool colored_ = false;
};

struct View {
  const hardware::Machine& machine;
  Screen screen;
  hardware::Sample sample;
  std::vector<hardware::ProcessLoad> processes;
  std::vector<History> tiers;
  std::vector<History> gpus;
  History memory;
  double interval_s = 1;
  bool paused = false;
  bool by_memory = false;
  bool show_cpus = true;

  void remember() {
    tiers.resize(sample.tiers.size());
    gpus.resize(sample.gpus.size());
    for (std::size_t i = 0; i < tiers.size(); ++i) tiers[i].add(sample.tiers[i].utilization);
    for (std::size_t i = 0; i < gpus.size(); ++i) gpus[i].add(sample.gpus[i].utilization.value_or(0));
    memory.add(memory_share());
  }

  double memory_share() const {
    const double limit = static_cast<double>(sample.memory.limit_bytes);
    return limit > 0 ? static_cast<double>(sample.memory.used_bytes) / limit : 0;
  }

  void section(int row, const std::string& title, const std::string& right) const {
    std::string line;
    for (int i = 0; i < COLS; ++i) line += "─";
    screen.text(row, 0, line, kDim);
    screen.text(row, 2, " " + title + " ", kTitle);
    if (!right.empty()) {
      const int column = COLS - static_cast<int>(right.size()) - 4;
      if (column > static_cast<int>(title.size()) + 6) screen.text(row, column, " " + right + " ");
    }
  }

  int draw_tiers(int row) const {
    std::string right = fmt::format("load {:.2f}", sample.load_average);
    if (sample.temperature_c)
      right += fmt::format("   {:.0f} C ({})", *sample.temperature_c, sample.temperature_source);
    section(row++, machine.cpu_name.empty() ? "CPU" : machine.cpu_name, right);
    const int rows = LINES >= 40 ? 3 : LINES >= 26 ? 2 : 1;
    std::size_t first = 0;
    for (std::size_t i = 0; i < sample.tiers.size(); ++i) {
      const hardware::TierLoad& tier = sample.tiers[i];
      const std::size_t cpus = machine.tiers[i].cpus.size();
      screen.text(row, 1, fmt::format("{:.14}", tier.name));
      screen.text(row, 16, fmt::format("{:>3.0f}%", tier.utilization * 100), Screen::heat(tier.utilization));
      std::string facts = fmt::format("{} cores", machine.tiers[i].cores);
      if (tier.frequency_mhz) facts += fmt::format(" {:.1f} GHz", *tier.frequency_mhz / 1000);
      if (rows > 1) screen.text(row + 1, 1, facts, kDim);
      screen.graph(row, 22, COLS - 24, rows, tiers[i], Screen::heat(tier.utilization));
      row += rows;
      if (show_cpus) row = draw_cpus(row, first, cpus, i);
      first += cpus;
    }
    return row;
  }

  int draw_cpus(int row, std::size_t first, std::size_t count, std::size_t tier) const {
    constexpr int kWidth = 20;
    const int columns = std::max(1, (COLS - 2) / kWidth);
    const int rows = (static_cast<int>(count) + columns - 1) / columns;
    if (rows > std::max(2, LINES / 4)) {  // too many for bars: one cell a CPU
      constexpr std::array<const char*, 9> kLevels = {"▁", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
      for (std::size_t i = 0; i < count; ++i) {
        const double share = sample.cpus[first + i];
        const int column = 1 + static_cast<int>(i) % std::max(1, COLS - 2);
        screen.text(row + static_cast<int>(i) / std::max(1, COLS - 2), column,
                    kLevels[static_cast<std::size_t>(std::lround(share * 8))], Screen::heat(share));
      }
      return row + (static_cast<int>(count) + COLS - 3) / std::max(1, COLS - 2);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const double share = sample.cpus[first + i];
      const int at = row + static_cast<int>(i) % rows;
      const int column = 1 + static_cast<int>(i) / rows * kWidth;
      screen.text(at, column, fmt::format("{:>3}", machine.tiers[tier].cpus[i]), kDim);
      screen.bar(at, column + 4, kWidth - 11, share, Screen::heat(share));
      screen.text(at, column + kWidth - 6, fmt::format("{:>3.0f}%", share * 100));
    }
    return row + rows;
  }

  int draw_gpus(int row) const {
    for (std::size_t i = 0; i < sample.gpus.size(); ++i) {
      const hardware::GpuLoad& gpu = sample.gpus[i];
      std::string right = "source: " + gpu.source;
      if (gpu.temperature_c) right += fmt::format("   {:.0f} C", *gpu.temperature_c);
      if (gpu.power_w) right += fmt::format("   {:.0f} W", *gpu.power_w);
      section(row++, "GPU " + gpu.name, right);
      screen.text(row, 1, "busy");
      screen.text(row, 16, gpu.utilization ? fmt::format("{:>3.0f}%", *gpu.utilization * 100) : " n/a", kGpu);
      screen.graph(row, 22, COLS - 24, 1, gpus[i], kGpu);
      ++row;
      if (gpu.memory_bytes && gpu.memory_total_bytes > 0) {
        const double share = static_cast<double>(*gpu.memory_bytes) / static_cast<double>(gpu.memory_total_bytes);
        screen.text(row, 1, fmt::format("memory {}", bytes_text(*gpu.memory_bytes)));
        screen.text(row, 16, fmt::format("{:>3.0f}%", share * 100));
        screen.bar(row, 22, COLS - 24, share, kGpu);
        ++row;
      }
    }
    return row;
  }

  int draw_memory(int row) const {
    section(row++, "Memory",
            fmt::format("pressure {:.0f}% ({})", sample.memory.pressure * 100, sample.memory.pressure_source));
    const double share = memory_share();
    screen.text(row, 1,
                fmt::format("{}/{}", bytes_text(sample.memory.used_bytes), bytes_text(sample.memory.limit_bytes)));
    screen.text(row, 16, fmt::format("{:>3.0f}%", share * 100), Screen::heat(share));
    screen.bar(row, 22, COLS - 24, share, Screen::heat(share));
    ++row;
    if (sample.memory.swap_used_bytes > 0) {
      screen.text(row++, 1, fmt::format("swap {}", bytes_text(sample.memory.swap_used_bytes)), kDim);
    }
    return row;
  }

  void draw_processes(int row) {
    if (row + 2 >= LINES - 1) return;
    section(row++, "Processes", by_memory ? "by memory" : "by CPU");
    screen.text(row++, 1, fmt::format("{:>8} {:>7} {:>8}  {}", "PID", "CPU", "MEMORY", "NAME"), kDim);
    if (by_memory) {
      std::stable_sort(processes.begin(), processes.end(),
                       [](const hardware::ProcessLoad& a, const hardware::ProcessLoad& b) {
                         return a.memory_bytes > b.memory_bytes;
                       });
    }
    for (const hardware::ProcessLoad& process : processes) {
      if (row >= LINES - 1) return;
      std::string holds;
      for (const hardware::GpuLoad& gpu : sample.gpus) {
        for (const hardware::GpuProcess& user : gpu.processes) {
          if (user.pid == process.pid) holds = user.memory_bytes ? "  gpu " + bytes_text(*user.memory_bytes) : "  gpu";
        }
      }
      screen.text(row++, 1,
                  fmt::format("{:>8} {:>6.1f}% {:>8}  {}{}", process.pid, process.cpus * 100,
                              bytes_text(process.memory_bytes), process.name, holds));
    }
  }

  void draw() {
    ::erase();
    int row = draw_tiers(0);
    row = draw_gpus(row);
    row = draw_memory(row);
    draw_processes(row);
    screen.text(
        LINES - 1, 1,
        fmt::format("q quit   space {}   c CPUs   m sort   +/- every {:.1f} s", paused ? "go on" : "pause", interval_s),
        kDim);
    ::refresh();
  }

  // False: quit.
  bool key(int pressed) {
    switch (pressed) {
      case 'q':
      case 'Q':
      case 27:
        return false;
      case ' ':
      case 'p':
        paused = !paused;
        break;
      case 'm':
        by_memory = !by_memory;
        break;
      case 'c':
        show_cpus = !show_cpus;
        break;
      case '+':
        interval_s = std::min(10.0, interval_s * 2);
        break;
      case '-':
        interval_s = std::max(0.25, interval_s / 2);
        break;
      default:
        break;
    }
    return true;
  }
};

}  // namespace

int watch_machine(const hardware::Machine& machine, double interval_s) {
  hardware::Sampler sampler(machine);
  hardware::ProcessSampler process_sampler;
  View view{machine, {}, {}, {}, {}, {}, {}};
  view.interval_s = interval_s;
  using Clock = std::chrono::steady_clock;
  Clock::time_point next = Clock::now() + std::chrono::milliseconds(200);
  view.sample = sampler.sample();
  view.remember();
  while (!interrupted()) {
    if (!view.paused && Clock::now() >= next) {
      view.sample = sampler.sample();
      view.processes = process_sampler.sample();
      view.remember();
      next = Clock::now() + std::chrono::milliseconds(static_cast<int>(view.interval_s * 1000));
    }
    view.draw();
    const std::chrono::milliseconds left = std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now());
    ::timeout(view.paused ? 500 : std::clamp(static_cast<int>(left.count()), 10, 500));
    const int pressed = ::getch();
    if (pressed != ERR && !view.key(pressed)) return kDone;
  }
  return kInterrupted;
}

}  // namespace jarvis2::app
