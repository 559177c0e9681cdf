// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// An AuditEvent is what the API server's audit log says of one write: the fields
// of audit.k8s.io/v1 Event that tests read.
type AuditEvent struct {
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	ObjectRef  struct {
		Resource  string `json:"resource"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code    int    `json:"code"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"responseStatus"`
	// Annotations bear the name of the webhook before the slash.
	Annotations map[string]string `json:"annotations"`
}

func (p *Plane) auditLog() string { return filepath.Join(p.dir, "audit.log") }

// AuditEvents are all writes so far, in order.
func (p *Plane) AuditEvents() ([]AuditEvent, error) {
	data, err := os.ReadFile(p.auditLog())
	if err != nil {
		return nil, err
	}
	var events []AuditEvent
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // being written right now
		}
		var event AuditEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("the audit log: %w", err)
		}
		events = append(events, event)
	}
	return events, nil
}

// AwaitAudit returns the first event that matches. An event is written when its
// request has been answered, so a client can be ahead of the log.
func (p *Plane) AwaitAudit(ctx context.Context, match func(AuditEvent) bool) (AuditEvent, error) {
	var found AuditEvent
	err := poll(ctx, func(context.Context) error {
		events, err := p.AuditEvents()
		if err != nil {
			return permanent{err}
		}
		for _, event := range events {
			if match(event) {
				found = event
				return nil
			}
		}
		return fmt.Errorf("none of the %d events of the audit log matches", len(events))
	})
	return found, err
}
