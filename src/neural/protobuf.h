// The few kinds of protobuf fields that model files are made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace jarvis2::neural {

class ProtoMessage {
 public:
  ProtoMessage& integer(std::uint32_t field, std::uint64_t value) {
    varint(std::uint64_t{field} << 3);
    varint(value);
    return *this;
  }
  ProtoMessage& bytes(std::uint32_t field, const std::string& value) {
    varint(std::uint64_t{field} << 3 | 2);
    varint(value.size());
    out_ += value;
    return *this;
  }
  // Packed.
  ProtoMessage& floats(std::uint32_t field, const std::vector<float>& values) {
    return bytes(field, std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  }
  ProtoMessage& message(std::uint32_t field, const ProtoMessage& value) { return bytes(field, value.out_); }
  const std::string& text() const { return out_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  std::string out_;
};

}  // namespace jarvis2::neural
