/* tests/store/folder.h - a temporary folder for one case, and files in it. */
#ifndef TESTS_STORE_FOLDER_H
#define TESTS_STORE_FOLDER_H

#include <CUnit/Basic.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/file.h"
#include "store/run_dir.h"

typedef struct {
    char path[256], last[512];
} folder;

static inline void folder_make(folder *f)
{
    snprintf(f->path, sizeof f->path, "%s/hottune-test-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(f->path) == NULL)
        CU_FAIL_FATAL("no temporary folder");
}

/* Path of a file in the folder; borrowed until the next call. */
static inline const char *folder_file(folder *f, const char *name)
{
    snprintf(f->last, sizeof f->last, "%s/%.250s", f->path, name);
    return f->last;
}

static inline void folder_write(folder *f, const char *name, const char *text)
{
    FILE *file = fopen(folder_file(f, name), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static inline void folder_append(folder *f, const char *name, const char *text)
{
    FILE *file = fopen(folder_file(f, name), "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

/* Content of a file, to be freed; "" if it is missing. */
static inline char *folder_read(folder *f, const char *name)
{
    char *text = NULL;
    if (ht_file_read(folder_file(f, name), &text, NULL, NULL) != HT_OK)
        text = strdup("");
    return text;
}

static inline void folder_expect(folder *f, const char *name, const char *expected)
{
    char *text = folder_read(f, name);
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

/* As folder_expect, of a text in which "sum":"<number>-<digits>" stands for a checksum that is right: <digits> is left out
 * in `expected`. */
static inline void folder_expect_without_digits(folder *f, const char *name, const char *expected)
{
    char *text = folder_read(f, name), *to = text;
    for (const char *from = text; *from != '\0';) {
        bool sum = from > text && from[-1] == '-' && strspn(from, "0123456789abcdef") == 16 && from[16] == '"';
        from += sum ? 16 : 0;
        *to++ = *from++;
    }
    *to = '\0';
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

static inline int folder_count(const folder *f)
{
    int n = 0;
    DIR *dir = opendir(f->path);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    if (dir != NULL)
        closedir(dir);
    return n;
}

/* Remove a folder with all that is in it. */
static inline void folder_clear(const char *path)
{
    char name[1024];
    DIR *dir = opendir(path);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int n = snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (n > 0 && (size_t)n < sizeof name && unlink(name) != 0)
            folder_clear(name);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(path);
}

static inline void folder_remove(folder *f)
{
    folder_clear(f->path);
}

/* SIGKILL for this process in so many microseconds. */
static inline void folder_die_in(long us)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct itimerspec when = {.it_value = {us / 1000000, 1000 * (us % 1000000) + 1}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &when, NULL) != 0)
        _exit(1);
}

#endif
