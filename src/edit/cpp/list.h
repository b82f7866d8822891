// One factory for each transformation; cpp_transformations.cc puts them in order.
#pragma once

#include "edit/cpp/support.h"

namespace jarvis2::edit::cpp {

using Made = std::unique_ptr<Transformation>;

Made hoist_invariant();
Made hoist_field();
Made strlen_to_terminator();
Made scalar_promotion();
Made reuse_pure_call();
Made pass_by_reference();
Made shared_ptr_by_reference();
Made loop_reference();
Made copy_to_reference();
Made return_by_reference();
Made reserve_before_push();
Made unordered_reserve();
Made double_lookup_to_find();
Made reuse_map_slot();
Made map_to_unordered();
Made set_to_unordered();
Made list_to_vector();
Made list_to_deque();
Made vector_bool_to_bytes();
Made string_plus_to_append();
Made substr_to_compare();
Made substr_to_shrink();
Made buffer_out_of_loop();
Made endl_to_newline();
Made sync_with_stdio();
Made unlocked_stdio();
Made regex_once();
Made static_const_table();
Made pow_to_multiply();
Made grow_geometrically();
Made compare_first_char();

}  // namespace jarvis2::edit::cpp
