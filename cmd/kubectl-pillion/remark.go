// SPDX-License-Identifier: Apache-2.0

package main

// remark is one thing that is wrong. Line is 0 where there is none.
type remark struct {
	Line  int    `json:"line,omitempty"`
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
}
