#include "edit/cpp/list.h"

namespace jarvis2::edit {

std::vector<std::unique_ptr<Transformation>> cpp_transformations() {
  using Make = std::unique_ptr<Transformation> (*)();
  // In order of expected gain on code built with -O2.
  static constexpr Make kAll[] = {
      cpp::hoist_invariant,         cpp::hoist_field,           cpp::strlen_to_terminator,
      cpp::scalar_promotion,        cpp::reuse_pure_call,       cpp::pass_by_reference,
      cpp::shared_ptr_by_reference, cpp::loop_reference,        cpp::copy_to_reference,
      cpp::return_by_reference,     cpp::reserve_before_push,   cpp::unordered_reserve,
      cpp::double_lookup_to_find,   cpp::reuse_map_slot,        cpp::map_to_unordered,
      cpp::set_to_unordered,        cpp::list_to_vector,        cpp::list_to_deque,
      cpp::vector_bool_to_bytes,    cpp::string_plus_to_append, cpp::substr_to_compare,
      cpp::substr_to_shrink,        cpp::buffer_out_of_loop,    cpp::endl_to_newline,
      cpp::sync_with_stdio,         cpp::unlocked_stdio,        cpp::regex_once,
      cpp::static_const_table,      cpp::pow_to_multiply,       cpp::grow_geometrically,
      cpp::compare_first_char,
  };
  std::vector<std::unique_ptr<Transformation>> result;
  for (const Make one : kAll) result.push_back(one());
  return result;
}

}  // namespace jarvis2::edit
