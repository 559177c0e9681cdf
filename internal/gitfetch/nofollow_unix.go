// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gitfetch

import "syscall"

const noFollow = syscall.O_NOFOLLOW
