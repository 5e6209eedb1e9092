;;; main_job.el --- the main job with nothing but eglot  -*- lexical-binding: t -*-

(require 'bed)

(setq eglot-server-programs
      `(((python-mode text-mode) . (,(getenv "MAZU_TEST_SERVER") "-m" "mazu_ls"))))
(add-to-list 'auto-mode-alist '("\\.md\\'" . text-mode))

(defun story-text (buffer)
  (with-current-buffer buffer (buffer-string)))

(defun story-undo ()
  "Undo the last change, as a new command."
  (undo-boundary)
  (setq last-command nil)
  (undo))

(defun story-run (command &rest arguments)
  "The result of the server's COMMAND."
  (jsonrpc-request (eglot-current-server) :workspace/executeCommand
                   (list :command command :arguments (vconcat arguments))))

(bed-story
 (find-file "app.py")
 (let ((app (current-buffer)) (before (buffer-string)) chat checkpoint)
   (call-interactively #'eglot)
   (bed-wait "eglot manages the buffer" (lambda () (and (eglot-current-server) (eglot-managed-p))))
   (setq checkpoint (plist-get (story-run "mazu.checkpoint" '(:label "before")) :id))
   (bed-check "a checkpoint is taken" checkpoint)

   ;; A code action on a selection edits the buffer, and undo takes it back.
   (goto-char (point-min))
   (search-forward "def double")
   (undo-boundary)
   (bed-act (line-beginning-position) (line-end-position 2) "Mazu: document")
   (bed-wait "the code action edits the buffer" (lambda () (string-search "Twice the number" (story-text app))))
   (bed-check "it is not saved" (buffer-modified-p app))
   (story-undo)
   (bed-check "undo takes it back" (equal before (story-text app)) (story-text app))

   ;; A chat document: this eglot cannot open it for the server, so the user does.
   (bed-act (point-min) (line-end-position) "Mazu: chat about this")
   (find-file (bed-wait "there is a chat document"
                        (lambda () (car (file-expand-wildcards ".mazu/chats/*.md")))))
   (setq chat (current-buffer))
   (bed-wait "eglot manages it too" #'eglot-managed-p)
   (goto-char (point-max))
   (insert "It subtracts. Mend it.\n")
   (bed-will-answer "edit_file" "Allow once")
   (bed-act (point) (point) "Mazu: send")
   (bed-wait "the agent edits the other buffer" (lambda () (string-search "return a + b" (story-text app))))
   (bed-wait "the reply stands in the document" (lambda () (string-search "It adds now" (story-text chat))))
   (bed-check "what was written is still there" (string-search "It subtracts. Mend it." (story-text chat)) (story-text chat))

   ;; Back to the checkpoint; the server changes the buffer through Emacs.
   (switch-to-buffer app)
   (let (done)
     (jsonrpc-async-request (eglot-current-server) :workspace/executeCommand
                            (list :command "mazu.rollback" :arguments (vector (list :id checkpoint :only ["code"])))
                            :success-fn (lambda (result) (setq done result))
                            :error-fn (lambda (problem) (setq done problem)))
     (bed-wait "it is rolled back" (lambda () done))
     (bed-check "and verified" (eq t (plist-get done :verified)) done))
   (bed-wait "the buffer is as it was" (lambda () (equal before (story-text app))))

   (bed-act (point-min) (line-end-position) "Mazu: remember this")
   (bed-wait "the selection is remembered"
             (lambda () (equal 1 (plist-get (story-run "mazu.memory.list") :total))))
   (let ((server (eglot-current-server)))
     (eglot-shutdown server)
     (bed-check "the server ends" (not (jsonrpc-running-p server))))))
;;; main_job.el ends here
