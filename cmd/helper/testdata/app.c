// SPDX-License-Identifier: Apache-2.0

// An app that prints all it has inherited, and nothing that is its own.
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

static void file(const char *path, const char *const *lines) {
	char line[4096];
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof line, f))
		for (int i = 0; lines[i]; i++)
			if (!strncmp(line, lines[i], strlen(lines[i])))
				printf("%s: %s", path, line);
	fclose(f);
}

int main(int argc, char **argv) {
	char text[PATH_MAX];
	for (int fd = 0; fd < 4096; fd++) {
		char link[64];
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, text, sizeof text - 1);
		if (n < 0)
			continue;
		text[n] = 0;
		printf("fd %d: %s, flags 0%o\n", fd, text, fcntl(fd, F_GETFL));
	}
	for (int i = 0; i < argc; i++)
		printf("argv[%d]: %s\n", i, argv[i]);
	for (char **e = environ; *e; e++)
		printf("environ: %s\n", *e);
	mode_t mask = umask(0);
	printf("umask: %04o\npid: %d\nppid: %d\npgid: %d\nsid: %d\ncwd: %s\n", mask, getpid(), getppid(), getpgrp(), getsid(0), getcwd(text, sizeof text));
	for (int r = 0; r < 16; r++) {
		struct rlimit l;
		if (!getrlimit(r, &l))
			printf("rlimit %d: %lu %lu\n", r, (unsigned long)l.rlim_cur, (unsigned long)l.rlim_max);
	}
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		struct itimerval t;
		getitimer(which, &t);
		printf("timer %d: %ld %ld\n", which, (long)t.it_value.tv_sec, (long)t.it_interval.tv_sec);
	}
	int death = -1;
	prctl(PR_GET_PDEATHSIG, &death);
	printf("death signal: %d\nnice: %d\ndumpable: %d\nslack: %d\nsubreaper: %d\n", death, getpriority(PRIO_PROCESS, 0),
	       prctl(PR_GET_DUMPABLE), prctl(PR_GET_TIMERSLACK), prctl(PR_GET_CHILD_SUBREAPER));
	file("/proc/self/status", (const char *const[]){"Name", "State", "TracerPid", "Uid", "Gid", "Groups", "NStgid", "Threads",
		"SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "Cap", "NoNewPrivs", "Seccomp", "Cpus_allowed_list", NULL});
	file("/proc/self/oom_score_adj", (const char *const[]){"", NULL});
	file("/proc/self/cgroup", (const char *const[]){"", NULL});
	return argc > 1 ? atoi(argv[1]) : 0;
}
