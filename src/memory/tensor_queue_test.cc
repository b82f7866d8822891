#include "memory/tensor_queue.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace jarvis2::memory {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TensorQueue::Time in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

TensorView view(const std::vector<std::uint32_t>& numbers) {
  TensorView tensor;
  tensor.type = TensorType::kInt32;
  tensor.rank = 1;
  tensor.shape[0] = numbers.size();
  tensor.data = std::as_bytes(std::span(numbers));
  return tensor;
}

// A tensor of 1 to 64 numbers, all the same.
std::vector<std::uint32_t> numbered(std::uint32_t i) {
  return std::vector<std::uint32_t>(1 + i % 64, i);
}

std::uint32_t number_of(const TensorView& tensor) {
  std::vector<std::uint32_t> numbers(tensor.data.size() / 4);
  std::memcpy(numbers.data(), tensor.data.data(), tensor.data.size());
  EXPECT_FALSE(numbers.empty());
  EXPECT_EQ(numbers, numbered(numbers.at(0)));  // whole, and all its own
  return numbers.at(0);
}

pid_t in_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      work();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  return child;
}

TEST(TensorQueue, TensorsComeWholeAndInOrder) {
  const TempDir folder;
  const fs::path path = folder.path() / "queue";
  TensorQueue writer(path, TensorQueue::Role::kWriter, 4, 256);
  TensorQueue reader(path, TensorQueue::Role::kReader, 4, 256);
  EXPECT_TRUE(writer.peer_alive());
  EXPECT_FALSE(reader.front(in(milliseconds(0))));
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(writer.send(view(numbered(i)), in(seconds(1))));
  EXPECT_FALSE(writer.send(view(numbered(4)), in(milliseconds(1))));  // full
  for (std::uint32_t i = 0; i < 100; ++i) {
    const std::optional<TensorView> tensor = reader.front(in(seconds(1)));
    ASSERT_TRUE(tensor);
    EXPECT_EQ(tensor->type, TensorType::kInt32);
    EXPECT_EQ(tensor->shape[0], 1 + i % 64);
    EXPECT_EQ(number_of(*tensor), i);
    reader.pop();
    EXPECT_TRUE(writer.send(view(numbered(i + 4)), in(seconds(1))));
  }
  EXPECT_EQ(writer.written(), 104U);
  EXPECT_EQ(reader.read(), 100U);
}

TEST(TensorQueue, RefusesWhatDoesNotFit) {
  const TempDir folder;
  const fs::path path = folder.path() / "queue";
  TensorQueue writer(path, TensorQueue::Role::kWriter, 2, 64);
  EXPECT_THROW(writer.send(view(std::vector<std::uint32_t>(17)), in(seconds(1))), Error);
  const std::vector<std::uint32_t> three = {1, 2, 3};
  TensorView wrong = view(three);
  wrong.shape[0] = 2;
  EXPECT_THROW(writer.send(wrong, in(seconds(1))), Error);
  EXPECT_EQ(writer.written(), 0U);
  EXPECT_THROW(TensorQueue(path, TensorQueue::Role::kWriter, 2, 64), Error);  // there is one
  EXPECT_THROW(TensorQueue(path, TensorQueue::Role::kReader, 3, 64), Error);
  write_file_atomic(folder.path() / "text", "this is no queue");
  EXPECT_THROW(TensorQueue(folder.path() / "text", TensorQueue::Role::kReader, 2, 64), Error);
}

// Writers are killed at any instant; each successor goes on where the file says the last one was.
TEST(TensorQueue, SurvivesTheDeathOfWriters) {
  const TempDir folder;
  const fs::path path = folder.path() / "queue";
  TensorQueue reader(path, TensorQueue::Role::kReader, 8, 256);
  std::uint32_t expected = 0;
  for (int life = 0; life < 12; ++life) {
    const pid_t child = in_child([&] {
      TensorQueue writer(path, TensorQueue::Role::kWriter, 8, 256);
      while (writer.send(view(numbered(static_cast<std::uint32_t>(writer.written()))), in(seconds(20)))) {
      }
    });
    const std::uint32_t until = expected + 50 + static_cast<std::uint32_t>(life) * 13;
    while (expected < until) {
      const std::optional<TensorView> tensor = reader.front(in(seconds(30)));
      ASSERT_TRUE(tensor);
      ASSERT_EQ(number_of(*tensor), expected);
      reader.pop();
      ++expected;
    }
    EXPECT_TRUE(reader.peer_alive());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(reader.peer_alive());
  }
  // What was published before the last death is still there.
  while (const std::optional<TensorView> tensor = reader.front(in(milliseconds(0)))) {
    ASSERT_EQ(number_of(*tensor), expected++);
    reader.pop();
  }
  EXPECT_EQ(reader.written(), expected);
}

TEST(TensorQueue, SurvivesTheDeathOfReaders) {
  const TempDir folder;
  const fs::path path = folder.path() / "queue";
  std::unique_ptr<TensorQueue> writer = std::make_unique<TensorQueue>(path, TensorQueue::Role::kWriter, 4, 256);
  std::uint32_t sent = 0;
  for (int life = 0; life < 8; ++life) {
    const pid_t child = in_child([&] {
      TensorQueue reader(path, TensorQueue::Role::kReader, 4, 256);
      for (std::uint64_t next = reader.read();; ++next) {
        const std::optional<TensorView> tensor = reader.front(in(seconds(20)));
        if (!tensor || number_of(*tensor) != next) ::_exit(3);
        reader.pop();
      }
    });
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(writer->send(view(numbered(sent++)), in(seconds(30))));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
  EXPECT_EQ(writer->written(), sent);
  EXPECT_LE(sent - writer->read(), 4U);
}

}  // namespace
}  // namespace jarvis2::memory
