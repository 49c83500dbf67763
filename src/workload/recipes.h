/** @file src/workload/recipes.h
 *  The texts of recipes/<name>.yaml, as they were when the program was built (src/CMakeLists.txt turns
 *  the files into recipes.c in the build folder). */
#ifndef HT_WORKLOAD_RECIPES_H
#define HT_WORKLOAD_RECIPES_H

extern const char ht_recipe_charlm[], ht_recipe_glyph[], ht_recipe_fashion[], ht_recipe_fashion_small[];

#endif
