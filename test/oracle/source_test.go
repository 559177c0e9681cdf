// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"crypto/sha256"
	"math/rand/v2"
)

// source makes choices from bytes. A fuzzer that changes a byte changes a choice; what
// the bytes do not decide is decided by their hash, so that few bytes make a whole pod.
type source struct {
	data []byte
	rest *rand.Rand
}

func newSource(data []byte) *source {
	return &source{data: data, rest: rand.New(rand.NewChaCha8(sha256.Sum256(data)))}
}

// below is a number from 0 to n-1.
func (s *source) below(n int) int {
	if len(s.data) == 0 {
		return s.rest.IntN(n)
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

// percent is true in so many of a hundred cases.
func (s *source) percent(p int) bool { return s.below(100) < p }

// pick is one of the choices.
func pick[T any](s *source, choices ...T) T { return choices[s.below(len(choices))] }

// maybe is a pointer to one of the choices, or nil, which is the likeliest.
func maybe[T any](s *source, choices ...T) *T {
	if !s.percent(25) {
		return nil
	}
	choice := pick(s, choices...)
	return &choice
}
