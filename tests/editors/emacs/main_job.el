;;; main_job.el --- the main job with nothing but eglot  -*- lexical-binding: t -*-

(require 'bed)

(setq eglot-server-programs
      `(((python-mode text-mode) . (,(getenv "MAZU_TEST_SERVER") "-m" "mazu_ls"))))
(add-to-list 'auto-mode-alist '("\\.md\\'" . text-mode))

(defvar app nil "The buffer of app.py.")
(defvar chat nil "The buffer of the chat document.")
(defvar before nil "What app.py says at first.")
(defvar checkpoint nil)
(defvar rolled-back nil)

(defun text (buffer)
  (with-current-buffer buffer (buffer-substring-no-properties (point-min) (point-max))))

(defun undo-once ()
  (undo-boundary)
  (setq last-command nil)
  (undo))

(defun run (command &rest arguments)
  "The result of the server's COMMAND."
  (jsonrpc-request (eglot-current-server) :workspace/executeCommand
                   (list :command command :arguments (vconcat arguments))))

(defun no-turn-runs ()
  (equal [] (plist-get (run "mazu.status") :running)))

(bed-story
 (setq app (find-file "app.py") before (text app))
 (call-interactively #'eglot)
 (wait "eglot manages the buffer" (and (eglot-current-server) (eglot-managed-p)))
 (setq checkpoint (plist-get (run "mazu.checkpoint" '(:label "before")) :id))
 (bed-check "a checkpoint is taken" checkpoint)

 ;; A code action on a selection edits the buffer, and undo takes it back.
 (progn (goto-char (point-min))
        (search-forward "def double")
        (undo-boundary)
        (bed-act (line-beginning-position) (line-end-position 2) "Mazu: document"))
 (wait "the code action edits the buffer" (string-search "Twice the number" (text app)))
 (bed-check "it is not saved" (buffer-modified-p app))
 (wait "the turn ends" (no-turn-runs))
 (undo-once)
 (bed-check "undo takes it back" (equal before (text app)) (text app))

 ;; A chat document: this eglot cannot open it for the server, so the user does.
 (bed-act (point-min) (line-end-position) "Mazu: chat about this")
 (wait "there is a chat document" (file-expand-wildcards ".mazu/chats/*.md"))
 (setq chat (find-file (car (file-expand-wildcards ".mazu/chats/*.md"))))
 (wait "eglot manages it too" (eglot-managed-p))
 (progn (goto-char (point-max))
        (insert "It subtracts. Mend it.\n")
        (bed-will-answer "Mazu asks: Edit app.py" "Allow once")
        (bed-act (point) (point) "Mazu: send"))
 (wait "the agent edits the other buffer" (string-search "return a + b" (text app)))
 (wait "the reply stands in the document" (string-search "It adds now" (text chat)))
 (wait "the whole reply stands there, although eglot tells of edits late" (string-search "The very end." (text chat)))
 (wait "that turn ends" (no-turn-runs))
 (bed-check "what was written is still there" (string-search "It subtracts. Mend it." (text chat)) (text chat))

 ;; Back to the checkpoint; the server changes the buffer through Emacs.
 (switch-to-buffer app)
 (jsonrpc-async-request (eglot-current-server) :workspace/executeCommand
                        (list :command "mazu.rollback" :arguments (vector (list :id checkpoint :only ["code"])))
                        :success-fn (lambda (result) (setq rolled-back result))
                        :error-fn (lambda (problem) (setq rolled-back problem)))
 (wait "it is rolled back" rolled-back)
 (bed-check "and verified" (eq t (plist-get rolled-back :verified)) rolled-back)
 (wait "the buffer is as it was" (equal before (text app)))

 (bed-act (point-min) (line-end-position) "Mazu: remember this")
 (wait "the selection is remembered" (equal 1 (plist-get (run "mazu.memory.list") :total)))
 (let ((server (eglot-current-server)))
   (eglot-shutdown server nil 120) ; by itself it waits for 1.5 s
   (bed-check "the server ends" (not (jsonrpc-running-p server)))))
;;; main_job.el ends here
