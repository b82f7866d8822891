// One factory for each transformation; cpp_transformations.cc puts them in order.
#pragma once

#include "edit/cpp/support.h"

namespace jarvis2::edit::cpp {

using Made = std::unique_ptr<Transformation>;

Made hoist_invariant();
Made strlen_to_terminator();
Made reuse_pure_call();
Made return_by_reference();
Made pass_by_reference();
Made loop_reference();
Made copy_to_reference();
Made map_to_unordered();
Made set_to_unordered();
Made double_lookup_to_find();
Made reuse_map_slot();
Made scalar_promotion();
Made hoist_field();
Made dot_to_rows();
Made loop_interchange();
Made unlocked_stdio();
Made regex_once();
Made string_plus_to_append();
Made substr_to_compare();
Made substr_to_shrink();
Made buffer_out_of_loop();
Made grow_geometrically();
Made strcat_to_end();
Made compare_first_char();
Made ctype_to_ascii();
Made byte_scan_to_memchr();
Made byte_scan_to_strcspn();
Made decimal_without_sprintf();
Made number_without_strtod();
Made integer_without_strtol();
Made list_to_vector();
Made list_to_deque();
Made vector_bool_to_bytes();
Made move_last_use();
Made sort_to_nth_element();
Made reserve_before_push();
Made unordered_reserve();
Made function_to_template();
Made shared_ptr_by_reference();
Made endl_to_newline();
Made sync_with_stdio();
Made function_multiversion();
Made function_o3();
Made restrict_parameters();
Made ivdep();
Made unroll();
Made always_inline();
Made internal_linkage();
Made modulo_to_compare();
Made branch_to_select();
Made count_without_branch();
Made popcount();
Made loop_fusion();
Made loop_to_memcpy();
Made pow_to_multiply();
Made float_literal();
Made static_const_table();
Made prefetch_next();
Made unlikely();
Made cold_error_path();
Made noexcept_move();
Made emplace();
Made final_class();
Made at_to_subscript();

}  // namespace jarvis2::edit::cpp
