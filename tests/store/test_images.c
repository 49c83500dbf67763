/* tests/store/test_images.c - images: written once, whole or not at all, never read wrong. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/random.h"
#include "cases.h"
#include "store/images.h"
#include "bytes.h"

static char content[] = "weights, moments, and how many steps were made";
enum { BYTES = sizeof content };

static void write_content(folder *f, char name[HT_IMAGE_NAME])
{
    const ht_image_part part = {content, BYTES};
    CU_ASSERT_EQUAL_FATAL(ht_image_write(f->path, 1, &part, name, NULL, NULL), HT_OK);
}

/* What is read is the content, or refused. */
static ht_status read_content(const folder *f, const char *name, ht_error *err)
{
    char to[BYTES] = "";
    const ht_image_part part = {to, BYTES};
    ht_status st = ht_image_read(f->path, name, 1, &part, err);
    CU_ASSERT_TRUE(st != HT_OK || memcmp(to, content, BYTES) == 0);
    CU_ASSERT_EQUAL(ht_image_check(f->path, name, NULL), st);
    return st;
}

/* ---- write and read ----------------------------------------------------------------------------- */

static void a_content_reads_back_however_it_is_cut(void)
{
    folder f;
    char name[HT_IMAGE_NAME], to[BYTES];
    folder_make(&f);
    for (size_t cut = 0; cut <= BYTES; cut++) {
        const ht_image_part two[] = {{content, cut}, {cut == BYTES ? NULL : content + cut, BYTES - cut}};
        const ht_image_part back[] = {{to, BYTES - cut}, {NULL, 0}, {to + (BYTES - cut), cut}};
        bool was_there = cut == 0;
        CU_ASSERT_EQUAL(ht_image_write(f.path, 2, two, name, &was_there, NULL), HT_OK);
        CU_ASSERT_EQUAL(was_there, cut > 0);
        memset(to, 0, BYTES);
        CU_ASSERT_EQUAL(ht_image_read(f.path, name, 3, back, NULL), HT_OK);
        CU_ASSERT_EQUAL(memcmp(to, content, BYTES), 0);
    }
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    folder_remove(&f);
}

static void large_and_empty_contents_read_back(void)
{
    folder f;
    char name[HT_IMAGE_NAME];
    const size_t n = (3 << 20) + 13;
    unsigned char *large = malloc(n), *to = calloc(1, n);
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < n; i++)
        large[i] = (unsigned char)ht_random_below(&random, 256);
    folder_make(&f);
    CU_ASSERT_EQUAL(ht_image_write(f.path, 1, &(ht_image_part){large, n}, name, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_image_read(f.path, name, 1, &(ht_image_part){to, n}, NULL), HT_OK);
    CU_ASSERT_EQUAL(memcmp(large, to, n), 0);
    CU_ASSERT_EQUAL(ht_image_check(f.path, name, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_image_write(f.path, 0, NULL, name, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_image_read(f.path, name, 0, NULL, NULL), HT_OK);
    free(large);
    free(to);
    folder_remove(&f);
}

static void contents_that_differ_have_names_that_differ(void)
{
    folder f;
    char name[HT_IMAGE_NAME], other[HT_IMAGE_NAME];
    unsigned char state[256] = {0};
    folder_make(&f);
    CU_ASSERT_EQUAL(ht_image_write(f.path, 1, &(ht_image_part){state, 256}, name, NULL, NULL), HT_OK);
    /* a difference that one lane of the first checksum forgets again: bit 63, and 64 bytes on bit 28 */
    state[7] ^= 0x80;
    state[64 + 3] ^= 0x10;
    CU_ASSERT_EQUAL(ht_image_write(f.path, 1, &(ht_image_part){state, 256}, other, NULL, NULL), HT_OK);
    CU_ASSERT_NSTRING_EQUAL(name, other, 16);
    CU_ASSERT_STRING_NOT_EQUAL(name, other);
    CU_ASSERT_EQUAL(ht_image_write(f.path, 1, &(ht_image_part){state, 255}, name, NULL, NULL), HT_OK);
    CU_ASSERT_STRING_NOT_EQUAL(name, other);
    CU_ASSERT_EQUAL(folder_count(&f), 3);
    folder_remove(&f);
}

static void an_image_that_is_there_is_not_written_again(void)
{
    folder f;
    char name[HT_IMAGE_NAME];
    folder_make(&f);
    write_content(&f, name);
    ht_file_stamp before = ht_file_look(folder_file(&f, name));
    write_content(&f, name);
    ht_file_stamp after = ht_file_look(folder_file(&f, name));
    CU_ASSERT_TRUE(before.exists && ht_file_same(&before, &after));
    folder_remove(&f);
}

static void an_image_that_is_there_in_part_is_written_again(void)
{
    static const unsigned char zeros[64 + BYTES];   /* what a machine that died may leave */
    folder f;
    char name[HT_IMAGE_NAME];
    folder_make(&f);
    write_content(&f, name);
    for (size_t n = 0; n <= sizeof zeros; n++) {
        bytes_write(&f, name, zeros, n);
        CU_ASSERT_EQUAL(read_content(&f, name, NULL), HT_EFORMAT);
        write_content(&f, name);
        CU_ASSERT_EQUAL(read_content(&f, name, NULL), HT_OK);
    }
    folder_remove(&f);
}

static void only_names_as_they_are_made_are_names(void)
{
    static const char *const wrong[] = {
        "", "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef-.image",
        "0123456789abcdef0123456789abcdef-07.image", "0123456789abcdef0123456789abcdef-+7.image",
        "0123456789ABCDEF0123456789abcdef-7.image", "0123456789abcdef0123456789abcde-7.image",
        "0123456789abcdef0123456789abcdef0-7.image", "0123456789abcdef0123456789abcdef-7.image2",
        "0123456789abcdef0123456789abcdef-7.imag", "./0123456789abcdef0123456789abcdef-7.image",
        "0123456789abcdef0123456789abcdef-99999999999999999999999999.image"};
    uint64_t bytes = 0;
    CU_ASSERT_TRUE(ht_image_is_name("0123456789abcdef0123456789abcdef-7.image", &bytes));
    CU_ASSERT_EQUAL(bytes, 7);
    CU_ASSERT_TRUE(ht_image_is_name("0123456789abcdef0123456789abcdef-18446744073709551615.image", &bytes));
    CU_ASSERT_EQUAL(bytes, UINT64_MAX);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_FALSE(ht_image_is_name(wrong[i], &bytes));
    CU_ASSERT_EQUAL(ht_image_check("/tmp", "../etc/passwd", NULL), HT_EFORMAT);
}

/* ---- damage ------------------------------------------------------------------------------------- */

static void a_byte_that_is_wrong_is_found(void)
{
    folder f;
    char name[HT_IMAGE_NAME];
    size_t n;
    folder_make(&f);
    write_content(&f, name);
    unsigned char *all = bytes_read(&f, name, &n);
    CU_ASSERT_EQUAL(n, 64 + BYTES);
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            ht_error err = {""};
            all[at] ^= (unsigned char)(1 << bit);
            bytes_write(&f, name, all, n);
            all[at] ^= (unsigned char)(1 << bit);
            CU_ASSERT_EQUAL(read_content(&f, name, &err), HT_EFORMAT);
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, name));
        }
    free(all);
    folder_remove(&f);
}

static void an_image_of_any_other_length_is_damaged(void)
{
    folder f;
    char name[HT_IMAGE_NAME];
    size_t n;
    folder_make(&f);
    write_content(&f, name);
    unsigned char *all = bytes_read(&f, name, &n);
    for (size_t cut = 0; cut < n; cut++) {
        bytes_write(&f, name, all, cut);
        CU_ASSERT_EQUAL(read_content(&f, name, NULL), HT_EFORMAT);
    }
    bytes_write(&f, name, all, n);
    bytes_append(&f, name, "x", 1);
    ht_error err = {""};
    CU_ASSERT_EQUAL(read_content(&f, name, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "it has not the size that its name says; take a copy that is whole"));
    free(all);
    folder_remove(&f);
}

static void an_image_under_the_name_of_another_is_damaged(void)
{
    folder f;
    char name[HT_IMAGE_NAME];
    size_t n;
    folder_make(&f);
    write_content(&f, name);
    unsigned char *all = bytes_read(&f, name, &n);
    name[0] = name[0] == '0' ? '1' : '0';
    bytes_write(&f, name, all, n);
    CU_ASSERT_EQUAL(read_content(&f, name, NULL), HT_EFORMAT);
    free(all);
    folder_remove(&f);
}

static void a_missing_image_and_one_of_another_size_are_refused_before_anything_is_read(void)
{
    folder f;
    char name[HT_IMAGE_NAME], to[BYTES] = "untouched";
    ht_error err = {""};
    folder_make(&f);
    write_content(&f, name);
    CU_ASSERT_EQUAL(ht_image_read(f.path, name, 1, &(ht_image_part){to, BYTES - 1}, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "go on with the program and the settings that wrote it"));
    unlink(folder_file(&f, name));
    CU_ASSERT_EQUAL(read_content(&f, name, &err), HT_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is missing: put it back"));
    CU_ASSERT_STRING_EQUAL(to, "untouched");
    folder_remove(&f);
}

/* ---- a disk that refuses ------------------------------------------------------------------------ */

static void what_a_full_disk_refuses_leaves_nothing(void)
{
    folder f;
    char name[HT_IMAGE_NAME] = "untouched";
    const ht_image_part part = {content, BYTES};
    folder_make(&f);
    for (rlim_t room = 0; room < 64 + BYTES; room += 10) {
        ht_error err = {""};
        bytes_limit(room);
        CU_ASSERT_EQUAL(ht_image_write(f.path, 1, &part, name, NULL, &err), HT_EIO);
        bytes_limit(RLIM_INFINITY);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot write '"));
        CU_ASSERT_STRING_EQUAL(name, "untouched");
        CU_ASSERT_EQUAL(folder_count(&f), 0);
    }
    CU_ASSERT_EQUAL(ht_image_write("/nowhere/at/all", 1, &part, name, NULL, NULL), HT_EIO);
    folder_remove(&f);
}

static void a_writer_that_is_killed_leaves_whole_images_and_what_can_be_swept(void)
{
    folder f;
    folder_make(&f);
    for (uint64_t i = 0; i < 20; i++) {
        ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 1, i);
        pid_t child = fork();
        if (child == 0) {
            static unsigned char state[100000];
            char name[HT_IMAGE_NAME];
            folder_die_in((long)ht_random_below(&random, 10000));
            for (uint64_t k = 0;; k++) {
                memcpy(state, &(uint64_t[]){i, k}, 16);
                ht_image_write(f.path, 1, &(ht_image_part){state, sizeof state}, name, NULL, NULL);
            }
        }
        CU_ASSERT_FATAL(child > 0);
        waitpid(child, NULL, 0);
    }
    DIR *dir = opendir(f.path);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;)
        if (ht_image_is_name(e->d_name, NULL))
            CU_ASSERT_EQUAL(ht_image_check(f.path, e->d_name, NULL), HT_OK);
    closedir(dir);
    uint64_t all = 0, freed = 0;
    CU_ASSERT_EQUAL(ht_images_bytes(f.path, &all, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_images_sweep(f.path, 0, NULL, NULL, &freed, NULL), HT_OK);
    CU_ASSERT_EQUAL(all, freed);
    CU_ASSERT_EQUAL(folder_count(&f), 0);
    folder_remove(&f);
}

/* ---- the directory ------------------------------------------------------------------------------ */

static void make_old(folder *f, const char *name)
{
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, folder_file(f, name), old, 0), 0);
}

#define IMAGE "0123456789abcdef0123456789abcdef-7.image"

static void a_sweep_removes_what_nobody_names_and_nothing_else(void)
{
    static const char *const others[] = {"commit.json", "inputs.journal", "a.image", IMAGE ".copy", "x" IMAGE,
                                         IMAGE ".tmp.1.2.3", IMAGE "s.host.tmp.1.2", IMAGE ".host.tmp.1.x"};
    enum { OTHERS = sizeof others / sizeof others[0] };
    folder f;
    char kept[HT_IMAGE_NAME], gone[HT_IMAGE_NAME];
    uint64_t freed = 0, bytes = 0;
    folder_make(&f);
    write_content(&f, kept);
    CU_ASSERT_EQUAL(ht_image_write(f.path, 1, &(ht_image_part){content, 10}, gone, NULL, NULL), HT_OK);
    for (size_t i = 0; i < OTHERS; i++) {
        folder_write(&f, others[i], "x");
        make_old(&f, others[i]);
    }
    CU_ASSERT_EQUAL(mkdir(folder_file(&f, IMAGE), 0700), 0);
    CU_ASSERT_EQUAL(ht_images_bytes(f.path, &bytes, NULL), HT_OK);
    CU_ASSERT_EQUAL(bytes, 64 + BYTES + 64 + 10);
    const char *names[] = {"no file", kept};
    CU_ASSERT_EQUAL(ht_images_sweep(f.path, 2, names, NULL, &freed, NULL), HT_OK);
    CU_ASSERT_EQUAL(freed, 64 + 10);
    CU_ASSERT_EQUAL(folder_count(&f), OTHERS + 2);
    CU_ASSERT_EQUAL(read_content(&f, kept, NULL), HT_OK);
    for (size_t i = 0; i < OTHERS; i++)
        folder_expect(&f, others[i], "x");
    folder_remove(&f);
}

static void a_sweep_removes_what_dead_writers_left_and_not_what_others_write(void)
{
    folder f;
    char host[256], mine[200], dead[200];
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CU_ASSERT_FATAL(child > 0);
    waitpid(child, NULL, 0);
    ht_host_name(host);
    snprintf(mine, sizeof mine, IMAGE ".%.64s.tmp.%ld.5", host, (long)getpid());
    snprintf(dead, sizeof dead, IMAGE ".%.64s.tmp.%ld.5", host, (long)child);
    folder_make(&f);
    folder_write(&f, mine, "12");
    folder_write(&f, dead, "123");
    folder_write(&f, IMAGE ".far.away.tmp.1.5", "1234");
    folder_write(&f, IMAGE ".far.tmp.away.tmp.1.6", "12345");
    make_old(&f, IMAGE ".far.tmp.away.tmp.1.6");
    uint64_t bytes = 0, freed = 0;
    CU_ASSERT_EQUAL(ht_images_bytes(f.path, &bytes, NULL), HT_OK);
    CU_ASSERT_EQUAL(bytes, 14);
    CU_ASSERT_EQUAL(ht_images_sweep(f.path, 0, NULL, NULL, &freed, NULL), HT_OK);
    CU_ASSERT_EQUAL(freed, 8);
    folder_expect(&f, mine, "12");
    folder_expect(&f, IMAGE ".far.away.tmp.1.5", "1234");
    CU_ASSERT_EQUAL(folder_count(&f), 2);
    folder_remove(&f);
}

static void no_directory_has_no_images(void)
{
    uint64_t bytes = 1, freed = 1;
    CU_ASSERT_EQUAL(ht_images_bytes("/nowhere/at/all", &bytes, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_images_sweep("/nowhere/at/all", 0, NULL, NULL, &freed, NULL), HT_OK);
    CU_ASSERT_EQUAL(bytes + freed, 0);
    CU_ASSERT_EQUAL(ht_images_bytes("/dev/null", &bytes, NULL), HT_EIO);
}

CASES("images", CASE(a_content_reads_back_however_it_is_cut), CASE(large_and_empty_contents_read_back),
      CASE(contents_that_differ_have_names_that_differ), CASE(an_image_that_is_there_is_not_written_again),
      CASE(an_image_that_is_there_in_part_is_written_again), CASE(only_names_as_they_are_made_are_names),
      CASE(a_byte_that_is_wrong_is_found), CASE(an_image_of_any_other_length_is_damaged),
      CASE(an_image_under_the_name_of_another_is_damaged),
      CASE(a_missing_image_and_one_of_another_size_are_refused_before_anything_is_read),
      CASE(what_a_full_disk_refuses_leaves_nothing),
      CASE(a_writer_that_is_killed_leaves_whole_images_and_what_can_be_swept),
      CASE(a_sweep_removes_what_nobody_names_and_nothing_else),
      CASE(a_sweep_removes_what_dead_writers_left_and_not_what_others_write), CASE(no_directory_has_no_images))
