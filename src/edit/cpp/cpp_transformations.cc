#include "edit/cpp/list.h"

namespace jarvis2::edit {

std::vector<std::unique_ptr<Transformation>> cpp_transformations() {
  using Make = std::unique_ptr<Transformation> (*)();
  // In order of expected gain on code built with -O2.
  static constexpr Make kAll[] = {
      cpp::hoist_invariant,
      cpp::strlen_to_terminator,
      cpp::reuse_pure_call,
      cpp::return_by_reference,
      cpp::pass_by_reference,
      cpp::loop_reference,
      cpp::copy_to_reference,
      cpp::map_to_unordered,
      cpp::set_to_unordered,
      cpp::double_lookup_to_find,
      cpp::reuse_map_slot,
      cpp::scalar_promotion,
      cpp::hoist_field,
      cpp::dot_to_rows,
      cpp::loop_interchange,
      cpp::unlocked_stdio,
      cpp::regex_once,
      cpp::string_plus_to_append,
      cpp::substr_to_compare,
      cpp::substr_to_shrink,
      cpp::buffer_out_of_loop,
      cpp::grow_geometrically,
      cpp::strcat_to_end,
      cpp::compare_first_char,
      cpp::ctype_to_ascii,
      cpp::byte_scan_to_memchr,
      cpp::byte_scan_to_strcspn,
      cpp::decimal_without_sprintf,
      cpp::number_without_strtod,
      cpp::integer_without_strtol,
      cpp::list_to_vector,
      cpp::list_to_deque,
      cpp::vector_bool_to_bytes,
      cpp::move_last_use,
      cpp::sort_to_nth_element,
      cpp::reserve_before_push,
      cpp::unordered_reserve,
      cpp::function_to_template,
      cpp::shared_ptr_by_reference,
      cpp::endl_to_newline,
      cpp::sync_with_stdio,
      cpp::function_multiversion,
      cpp::function_o3,
      cpp::restrict_parameters,
      cpp::ivdep,
      cpp::unroll,
      cpp::always_inline,
      cpp::internal_linkage,
      cpp::modulo_to_compare,
      cpp::branch_to_select,
      cpp::count_without_branch,
      cpp::popcount,
      cpp::loop_fusion,
      cpp::loop_to_memcpy,
      cpp::pow_to_multiply,
      cpp::float_literal,
      cpp::static_const_table,
      cpp::prefetch_next,
      cpp::unlikely,
      cpp::cold_error_path,
      cpp::noexcept_move,
      cpp::emplace,
      cpp::final_class,
      cpp::at_to_subscript,
  };
  std::vector<std::unique_ptr<Transformation>> result;
  for (const Make one : kAll) result.push_back(one());
  return result;
}

}  // namespace jarvis2::edit
