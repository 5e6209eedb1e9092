;;; bed.el --- a story step by step, checks that print, a user who answers as told  -*- lexical-binding: t -*-

;; A step runs from a timer, so that Emacs is idle between two steps as it is between two keys: eglot tells the
;; server of changes only then.

(require 'backtrace)
(require 'cl-lib)
(require 'eglot)
(require 'subr-x)

(defconst bed-wait-seconds 300)
(defconst bed-started (float-time))
(defvar bed-failed 0)
(defvar bed-steps nil "Functions still to be called, in order; one that returns `again' is called again.")
(defvar bed-deadline nil "When the wait in progress is in vain.")
(defvar bed-answers nil "What the user will answer: (PROMPT-PART . CHOICE-PART), the first that fits is used up.")
(defvar bed-asked nil "What the user was asked: (PROMPT . CHOICES), newest first.")

(defun bed-say (format &rest arguments)
  "Add a line to the report."
  (let ((coding-system-for-write 'utf-8))
    (write-region (concat (apply #'format format arguments) "\n") nil (getenv "MAZU_TEST_REPORT") t 'quiet)))

(defun bed-check (what ok &optional extra)
  "Report whether WHAT is OK; EXTRA explains a failure."
  (unless ok (cl-incf bed-failed))
  (bed-say "%s %6.2f s  %s%s" (if ok "ok  " "FAIL") (- (float-time) bed-started) what
           (if ok "" (format " %S" extra))))

(defun bed-finish ()
  "End Emacs with 0 where nothing failed."
  (bed-say "%d failed" bed-failed)
  (let ((kill-emacs-hook nil) (confirm-kill-processes nil))
    (kill-emacs (if (zerop bed-failed) 0 1))))

(defun bed-poll (what value)
  "One look of a wait for WHAT; without VALUE it is looked at again, until that is in vain and the story ends."
  (setq bed-deadline (or bed-deadline (+ (float-time) bed-wait-seconds)))
  (if (and (not value) (< (float-time) bed-deadline))
      'again
    (setq bed-deadline nil)
    (bed-check what value (list :asked bed-asked :text (buffer-substring-no-properties (point-min) (point-max))
                                :messages (with-current-buffer "*Messages*" (buffer-string))
                                :within (and (not value) (backtrace-to-string (backtrace-get-frames)))
                                :events (and (not value) (eglot-current-server)
                                             (with-current-buffer (jsonrpc-events-buffer (eglot-current-server))
                                               (buffer-substring-no-properties
                                                (max (point-min) (- (point-max) 12000)) (point-max))))))
    (unless value (bed-finish))))

(defun bed-next ()
  "Take the next step, and come back for the one after it."
  (set-buffer (window-buffer)) ; a timer starts in whatever buffer was current
  (condition-case problem
      (unless (eq 'again (funcall (car bed-steps)))
        (pop bed-steps))
    ((error quit)
     (bed-check "the story runs" nil problem)
     (bed-finish)))
  (if bed-steps (run-with-timer 0.05 nil #'bed-next) (bed-finish)))

(defmacro bed-story (&rest steps)
  "Take STEPS when Emacs has started. (wait WHAT CONDITION) waits; any other form is evaluated once."
  `(progn
     (setq bed-steps
           (list ,@(mapcar (lambda (step)
                             (pcase step
                               (`(wait ,what ,condition) `(lambda () (bed-poll ,what ,condition)))
                               (_ `(lambda () ,step nil))))
                           steps)))
     (add-hook 'emacs-startup-hook (lambda () (run-with-timer 0 nil #'bed-next)))))

(defun bed-answer (prompt choices)
  "What the user answers to PROMPT: one of CHOICES as `bed-answers' says, or nothing."
  (push (cons prompt choices) bed-asked)
  (when-let* ((answer (cl-find-if (lambda (answer) (string-search (car answer) prompt)) bed-answers))
              (choice (cl-find-if (lambda (choice) (string-search (cdr answer) choice)) choices)))
    (setq bed-answers (delq answer bed-answers))
    choice))

(defun bed-will-answer (prompt choice)
  "The next question whose prompt contains PROMPT is answered by the one that contains CHOICE."
  (setq bed-answers (append bed-answers (list (cons prompt choice)))))

(advice-add 'completing-read :override
            (lambda (prompt collection &rest _)
              (or (bed-answer prompt (all-completions "" collection)) (signal 'quit nil))))
(advice-add 'y-or-n-p :override (lambda (prompt) (bed-answer prompt '("yes" "no")) t))

(defun bed-act (beginning end title)
  "Choose the code action that contains TITLE from BEGINNING to END."
  (bed-will-answer "Pick an action" title)
  (let ((last-nonmenu-event ?a)) ; from the keyboard, so that it is not a mouse menu
    (eglot-code-actions beginning end nil t)))

(setq jsonrpc-default-request-timeout 120 ; 10 s are short on a busy machine
      eglot-connect-timeout 120
      make-backup-files nil
      auto-save-default nil
      eglot-autoshutdown nil
      eglot-confirm-server-initiated-edits nil
      eglot-confirm-server-edits nil)

(provide 'bed)
;;; bed.el ends here
