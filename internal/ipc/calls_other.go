// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package ipc

import "errors"

const syscallCreate = 0

type queueSize struct{ maxMsg, msgSize int }

func openQueue(string, int, uint32, *queueSize) (int, error) { return -1, errors.ErrUnsupported }

func sizeOfQueue(int) (queueSize, error) { return queueSize{}, errors.ErrUnsupported }

func getSysV(SysVKind, int32, uint64, int) error { return errors.ErrUnsupported }

func queueLimit() string { return "?" }
