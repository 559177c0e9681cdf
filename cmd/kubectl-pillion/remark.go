// SPDX-License-Identifier: Apache-2.0

package main

// remark is one thing that is wrong. Line is 0 where there is none; Link is the documentation of
// what it is about, or empty.
type remark struct {
	Line  int    `json:"line,omitempty"`
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
	Link  string `json:"link,omitempty"`
}
